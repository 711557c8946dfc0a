"""Means of labels by classes: against a plain loop, from class losses and from single test samples."""

import numpy as np
import pytest

from hydra_steps.data import noise_labels, split_data
from hydra_steps.data.pictures import read_pictures
from hydra_steps.errors import StudyError
from hydra_steps.evaluation.class_contributions import describe_classes
from hydra_steps.tables.tidy import read_table
from tests.helpers.artifacts import located

rng = np.random.default_rng(0)
GIVEN, NOISY = rng.integers(0, 3, 40), rng.random(40) < 0.4


def cells(path):
    table = read_table(path)
    return table[table["seed"] == "0"].set_index(["test_label", "label", "is_noisy"])


def test_class_losses_against_a_plain_loop(study, tmp_path):
    queries = ["test_mean", "test_class_0", "test_class_1"]
    values = rng.standard_normal((3, 40))
    describe_classes(
        [study.scores("m", values, queries)],
        [study.labels(NOISY, label=GIVEN)],
        splits=[],
        raw=[],
        data={},
        output=tmp_path / "c.csv",
        queries="class_loss",
    )
    found = cells(tmp_path / "c.csv")
    assert set(found["metric"]) == {"mean_contribution"}
    for row, test_label in ((1, 0), (2, 1)):
        for label in range(3):
            for flag in (0, 1):
                own = [values[row, n] for n in range(40) if GIVEN[n] == label and NOISY[n] == flag]
                cell = found.loc[(test_label, label, flag)]
                assert cell["value"] == pytest.approx(np.mean(own))
                assert cell["n"] == len(own)
                assert cell["query"] == f"test_class_{test_label}"


def test_single_test_samples_speak_for_their_class(study, tmp_path):
    folder = study.folder / "runs" / "base-seed0"
    split_data("digits", "data", 40, 20, 30, 0, folder / "splits.csv")
    noise_labels(
        folder / "splits.csv", "digits", "data", "symmetric", {"rate": 0.3}, 0, folder / "labels.csv"
    )
    classes = read_pictures("digits", "data", folder / "splits.csv", "test").labels
    queries = [f"test_sample_{i}" for i in range(30)]
    values = rng.standard_normal((30, 40))
    describe_classes(
        [study.scores("m", values, queries, unit="rank only")],
        [located(folder / "labels.csv")],
        output=tmp_path / "c.csv",
        queries="sample_loss",
        splits=[located(folder / "splits.csv")],
        raw=["data/digits/manifest.json"],
        data={"base-seed0": {"name": "digits", "folder": "data"}},
    )
    found = cells(tmp_path / "c.csv")
    assert set(found["metric"]) == {"mean_score"}
    assert set(found.index.get_level_values("test_label")) == set(classes)
    clean, label = np.genfromtxt(folder / "labels.csv", delimiter=",", skip_header=1, dtype=int)[:, [2, 1]].T
    for (test_label, given, flag), cell in found.iterrows():
        own = values[classes == test_label][:, (label == given) & ((clean != label) == flag)]
        assert cell["value"] == pytest.approx(own.mean())


def test_a_method_that_diverged_leaves_its_cells_empty(study, tmp_path):
    values = np.full((2, 40), np.nan)
    describe_classes(
        [study.scores("m", values, ["test_class_0", "test_class_1"])],
        [study.labels(NOISY, label=GIVEN)],
        splits=[],
        raw=[],
        data={},
        output=tmp_path / "c.csv",
        queries="class_loss",
    )
    assert cells(tmp_path / "c.csv")["value"].isna().all()


def test_scores_without_such_queries_are_refused(study, tmp_path):
    with pytest.raises(StudyError, match="no query that speaks for a test class"):
        describe_classes(
            [study.scores("m", np.ones((1, 40)))],
            [study.labels(NOISY, label=GIVEN)],
            splits=[],
            raw=[],
            data={},
            output=tmp_path / "c.csv",
            queries="class_loss",
        )
