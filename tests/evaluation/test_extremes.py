"""The most extreme pairs, in both directions, and their images, against the stores they come from."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from hydra_steps.data import noise_labels, split_data
from hydra_steps.data.pictures import read_pictures
from hydra_steps.evaluation.extremes import COLUMNS, describe_extremes, extreme_positions
from hydra_steps.tables.tidy import read_table
from tests.helpers.artifacts import located

QUERIES = ["test_mean", *(f"test_sample_{i}" for i in range(7))]


@pytest.fixture
def made(study, tmp_path):
    """Tables and images of two seeds on digits; returns the folder, the contributions of seed 0, and its labels."""
    rng = np.random.default_rng(1)
    parts: dict = {"scores": [], "labels": [], "splits": []}
    kept = {}
    for seed in (1, 0):
        run = f"base-seed{seed}"
        folder = study.folder / "runs" / run
        split_data("digits", "data", 40, 20, 30, 0, folder / "splits.csv")
        noise_labels(
            folder / "splits.csv", "digits", "data", "symmetric", {"rate": 0.3}, seed, folder / "labels.csv"
        )
        kept[seed] = rng.standard_normal((8, 40))
        parts["scores"].append(study.scores("m", kept[seed], QUERIES, run))
        parts["labels"].append(located(folder / "labels.csv"))
        parts["splits"].append(located(folder / "splits.csv"))
    data = {f"base-seed{seed}": {"name": "digits", "folder": "data"} for seed in (0, 1)}
    for name in ("a", "b"):
        describe_extremes(
            **parts,
            output=tmp_path / f"{name}.csv",
            extremes_images=tmp_path / f"{name}.npz",
            raw=["data/digits/manifest.json"],
            data=data,
            queries=["test_mean", "test_sample_2"],
            count=3,
            training_samples=2,
        )
    return tmp_path, kept[0], folder


def test_training_samples_of_a_query(made):
    folder, values, run = made
    table = read_table(folder / "a.csv")
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 2 * (2 * 6 + 2 * 6)
    labels = np.genfromtxt(run / "labels.csv", delimiter=",", skip_header=1, dtype=int)
    for row, query in ((0, "test_mean"), (3, "test_sample_2")):
        own = table[(table["seed"] == "0") & (table["given"] == "query") & (table["query"] == query)]
        order = np.argsort(values[row])
        for side, expected in (("harmful", order[:3]), ("helpful", order[::-1][:3])):
            rows = own[own["side"] == side].sort_values("rank")
            assert rows["training"].tolist() == expected.tolist()
            assert rows["contribution"].tolist() == pytest.approx(values[row, expected].tolist())
            assert (
                rows[["label", "clean_label", "is_noisy"]].to_numpy().tolist()
                == labels[expected, 1:].tolist()
            )
        assert own["test"].isna().all() == (query == "test_mean")


def test_test_samples_of_a_training_sample(made):
    folder, values, run = made
    table = read_table(folder / "a.csv")
    own = table[(table["seed"] == "0") & (table["given"] == "training")]
    classes = read_pictures("digits", "data", run / "splits.csv", "test").labels
    for subject, sample in enumerate(np.argsort(-np.abs(values[0]))[:2], 1):
        rows = own[own["subject"] == subject]
        assert set(rows["training"]) == {sample}
        order = np.argsort(values[1:, sample])
        harmed = rows[rows["side"] == "harmful"].sort_values("rank")
        helped = rows[rows["side"] == "helpful"].sort_values("rank")
        assert harmed["test"].tolist() == order[:3].tolist()
        assert helped["test"].tolist() == order[::-1][:3].tolist()
        assert harmed["test_label"].tolist() == classes[order[:3]].tolist()


def test_the_images_are_those_of_the_samples_in_the_table(made):
    folder, _, run = made
    assert (folder / "a.npz").read_bytes() == (folder / "b.npz").read_bytes()
    assert (folder / "a.csv").read_bytes() == (folder / "b.csv").read_bytes()
    table = read_table(folder / "a.csv")
    table = table[table["seed"] == "0"]
    source = np.genfromtxt(run / "splits.csv", delimiter=",", skip_header=1, dtype=str)
    with np.load(folder / "a.npz") as found:
        assert found["base/classes"].tolist() == [str(i) for i in range(10)]
        for split, column in (("train", "training"), ("test", "test")):
            index, images = found[f"base/{split}_index"], found[f"base/{split}"]
            assert set(index) == set(table[column].dropna())
            assert images.dtype == np.uint8
            positions = source[source[:, 0] == split][:, 3].astype(int)[index]
            expected = load_digits().images[positions] * 255 // 16
            assert np.array_equal(images[:, 0], expected)


def test_no_sample_stands_on_both_sides():
    sides = extreme_positions(np.array([3.0, 1.0, 2.0]), 5)
    assert sides["helpful"].tolist() == [0]
    assert sides["harmful"].tolist() == [1]
    ties = extreme_positions(np.zeros(4), 2)
    assert not extreme_positions(np.array([1.0, np.nan, 0.0]), 1)["helpful"].size
    assert ties["helpful"].tolist() == [0, 1]
    assert ties["harmful"].tolist() == [3, 2]
