"""Label noise: exact counts, exact seeds and the right distributions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hydra_steps.config.datasets import dataset
from hydra_steps.config.targets import CLASS, fits
from hydra_steps.data import draw_targets, noise_labels, realised_transition, split_data
from hydra_steps.data.noises.instance import flip_probabilities, out_of_fold_probabilities
from hydra_steps.data.run_data import load_run_data, read_parts
from hydra_steps.data.scaling import scaling_of, standardise
from hydra_steps.data.seeding import apportion, random_order, random_stream
from hydra_steps.data.tables import read_labels
from hydra_steps.errors import StudyError
from hydra_steps.registry import entries

PAIR = [[0.8, 0.2, 0.0], [0.0, 0.7, 0.3], [0.5, 0.0, 0.5]]
label_lists = st.lists(st.integers(0, 4), max_size=60).map(lambda x: np.asarray(x, dtype=np.int64))
rates = st.floats(0, 1) | st.sampled_from([0.0, 0.5, 1.0])
seeds = st.integers(0, 2**40)


def images_like(labels: np.ndarray) -> np.ndarray:
    """Images in which the class can be seen, with some blur between classes."""
    rng = np.random.default_rng(3)
    images = rng.normal(size=(len(labels), 1, 4, 4))
    images[np.arange(len(labels)), 0, labels % 4, labels // 4] += 2.0
    return images.astype(np.float32)


@given(st.lists(st.floats(0, 50), min_size=1, max_size=20), st.floats(0, 1, exclude_max=True))
@example([1.5, 1.75, 1.25, 0.0], 0.75)
def test_apportion_rounds_down_or_up_and_keeps_the_total(expected, offset):
    counts = apportion(np.asarray(expected), offset)
    assert counts.sum() == round(sum(expected)) or abs(sum(expected) % 1 - 0.5) < 1e-6
    for count, value in zip(counts, expected, strict=True):
        assert np.floor(value - 1e-6) <= count <= np.ceil(value + 1e-6)


def test_apportion_is_unbiased():
    expected = np.asarray([0.3, 1.5, 0.2, 2.0])
    offsets = (np.arange(1000) + 0.5) / 1000
    mean = np.mean([apportion(expected, offset) for offset in offsets], axis=0)
    np.testing.assert_allclose(mean, expected, atol=2e-3)


@settings(max_examples=150, deadline=None)
@given(label_lists, rates, seeds, st.sampled_from(["symmetric", "pair_flip", "uniform", "none"]))
def test_counts_are_exact_and_labels_are_right(clean, rate, seed, kind):
    noisy = draw_targets(clean, 5, kind, {"rate": rate}, seed)
    assert noisy.dtype == np.int64
    assert noisy.shape == clean.shape
    flips, k = int((noisy != clean).sum()), round(rate * len(clean))
    assert flips == {"none": 0, "uniform": flips}.get(kind, k)
    assert flips <= k
    assert ((noisy >= 0) & (noisy < 5)).all()
    if kind == "pair_flip":
        assert (noisy[noisy != clean] == (clean[noisy != clean] + 1) % 5).all()
    if kind in ("symmetric", "pair_flip"):  # each class has its share, rounded down or up
        for c in range(5):
            share = k * (clean == c).mean() if len(clean) else 0.0
            assert abs((noisy != clean)[clean == c].sum() - share) < 1 + 1e-6
    np.testing.assert_array_equal(noisy, draw_targets(clean, 5, kind, {"rate": rate}, seed))


@settings(max_examples=25, deadline=None)
@given(label_lists, rates, st.integers(0, 5))
def test_instance_flips_exactly_the_asked_number(clean, rate, seed):
    noisy = draw_targets(clean, 5, "instance", {"rate": rate}, seed, inputs=images_like(clean))
    assert (noisy != clean).sum() == round(rate * len(clean))
    assert ((noisy >= 0) & (noisy < 5)).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 2), max_size=80), seeds)
def test_transition_matrix_is_realised_to_the_sample(clean, seed):
    clean = np.asarray(clean, dtype=np.int64)
    noisy = draw_targets(clean, 3, "transition_matrix", {"matrix": PAIR}, seed)
    for a in range(3):
        counts = np.bincount(noisy[clean == a], minlength=3)
        assert np.abs(counts - (clean == a).sum() * np.asarray(PAIR[a])).max() < 1 + 1e-6


@pytest.mark.parametrize("kind", ["symmetric", "pair_flip", "uniform", "instance"])
@pytest.mark.parametrize("clean", [[], [1]])
def test_no_sample_and_one_sample(kind, clean):
    labels = np.asarray(clean, dtype=np.int64)
    for rate in (0.0, 0.4, 1.0):
        noisy = draw_targets(labels, 3, kind, {"rate": rate}, 0, inputs=images_like(labels))
        assert len(noisy) == len(labels)
        if kind != "uniform":
            assert (noisy != labels).sum() == round(rate * len(labels))


def test_identity_matrix_changes_nothing():
    clean = np.arange(30) % 3
    options = {"matrix": np.eye(3).tolist()}
    assert (draw_targets(clean, 3, "transition_matrix", options, 1) == clean).all()


def test_targets_follow_their_distributions():
    clean = np.repeat(np.arange(4), 5000)
    symmetric = draw_targets(clean, 4, "symmetric", {"rate": 0.6}, 0)
    uniform = draw_targets(clean, 4, "uniform", {"rate": 0.6}, 0)
    for c in range(4):
        shares = np.bincount(symmetric[clean == c], minlength=4) / 5000
        np.testing.assert_allclose(shares, np.where(np.arange(4) == c, 0.4, 0.2), atol=0.02)
        shares = np.bincount(uniform[clean == c], minlength=4) / 5000
        np.testing.assert_allclose(shares, np.where(np.arange(4) == c, 0.55, 0.15), atol=0.02)


@pytest.mark.parametrize("kind", ["symmetric", "transition_matrix"])
def test_every_sample_has_the_same_chance(kind):
    # 7 samples in classes of unequal size, a rate that no class can meet exactly.
    clean = np.asarray([0, 0, 0, 0, 1, 1, 2])
    matrix = [[0.7, 0.3, 0.0], [0.0, 0.7, 0.3], [0.3, 0.0, 0.7]] if kind == "transition_matrix" else None
    options = {"matrix": matrix} if matrix else {"rate": 2 / 7}
    flipped = [draw_targets(clean, 3, kind, options, seed) != clean for seed in range(4000)]
    rate = 0.3 if kind == "transition_matrix" else 2 / 7
    np.testing.assert_allclose(np.mean(flipped, axis=0), rate, atol=0.03)


def test_seeds_and_purposes_differ():
    clean = np.arange(200) % 10
    drawn = [draw_targets(clean, 10, "symmetric", {"rate": 0.5}, seed) for seed in (0, 1)]
    assert (drawn[0] != drawn[1]).any()
    assert (random_order(50, random_stream(0, "a")) != random_order(50, random_stream(0, "b"))).any()
    # Pinned: an other version of a dependency must not draw other numbers unnoticed.
    assert random_order(8, random_stream(0, "noise")).tolist() == [3, 2, 5, 6, 4, 1, 7, 0]
    for seed in (-1, 1.5, None, True):
        with pytest.raises(StudyError, match="seed of the noise"):
            draw_targets(clean, 10, "none", {}, seed)  # type: ignore[arg-type]


OF_CLASSES = {name for name, entry in entries("noise").items() if fits(entry, CLASS)}


@pytest.mark.parametrize("kind", sorted(OF_CLASSES - {"transition_matrix"}))
def test_real_digits_file_is_deterministic(real_data, tmp_path, kind):
    split_data("digits", real_data, 300, 20, 30, 0, tmp_path / "splits.csv")
    made = []
    for name in ("a.csv", "b.csv"):
        args = (tmp_path / "splits.csv", "digits", real_data, kind, {"rate": 0.2}, 3, tmp_path / name)
        noise_labels(*args)
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]
    table = pd.read_csv(tmp_path / "a.csv")
    assert list(table) == ["index", "label", "clean_label", "is_noisy"]
    assert len(table) == 300
    if kind == "unknown":
        assert table[["clean_label", "is_noisy"]].isna().all(axis=None)
        return
    if kind not in ("none", "uniform"):
        assert table["is_noisy"].sum() == 60
    assert ((table["label"] != table["clean_label"]) == (table["is_noisy"] == 1)).all()


def test_noise_takes_keyword_arguments(real_data, tmp_path):
    splits, labels = tmp_path / "splits.csv", tmp_path / "deep/labels.csv"
    split_data(name="mnist", folder=real_data, train=500, validation=0, test=10, seed=1, output=splits)
    matrix = np.roll(np.eye(10) * 0.25, 1, axis=1) + np.eye(10) * 0.75
    table = noise_labels(
        splits_csv=splits,
        name="mnist",
        folder=real_data,
        kind="transition_matrix",
        options={"matrix": matrix.tolist()},
        seed=1,
        output=labels,
    )
    realised = realised_transition(table, 10)
    share = realised["share"].to_numpy().reshape(10, 10)
    np.testing.assert_allclose(share, matrix, atol=0.03)
    assert realised["count"].sum() == 500


def test_instance_noise_prefers_hard_samples_and_likely_classes(real_data):
    part = read_parts("mnist", real_data)["train"]
    images, clean = (
        standardise(part.inputs[:2000], scaling_of(dataset("mnist"), part.inputs)),
        part.targets[:2000],
    )
    noisy = draw_targets(clean, 10, "instance", {"rate": 0.2}, 0, inputs=images)
    flipped = noisy != clean
    assert flipped.sum() == 400
    p = out_of_fold_probabilities(images, clean, 10, np.arange(2000))
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-5)
    assert (p.argmax(axis=1) == clean).mean() > 0.8
    mistake = 1 - p[np.arange(2000), clean]
    assert np.median(mistake[flipped]) > 3 * np.median(mistake[~flipped])
    # The new label is far likelier under the classifier than an arbitrary wrong one (mistake / 9).
    assert p[flipped, noisy[flipped]].mean() > 2 * (mistake[flipped] / 9).mean()


def test_flip_probabilities_have_the_asked_mean_and_keep_the_order():
    mistake = np.sort(np.random.default_rng(0).beta(0.3, 2, 500))
    for flips in (0, 1, 77, 499, 500):
        q = flip_probabilities(mistake, flips)
        assert q.sum() == pytest.approx(flips, abs=1e-6)
        assert (np.diff(q) >= -1e-12).all()
        assert ((q >= 0) & (q <= 1)).all()


def test_realised_transition_counts_by_hand():
    labels = pd.DataFrame({"clean_label": [0, 0, 0, 2], "label": [0, 1, 1, 2]})
    table = realised_transition(labels, 3)
    assert list(table) == ["clean_label", "label", "count", "share"]
    assert table["count"].tolist() == [1, 2, 0, 0, 0, 0, 0, 0, 1]
    np.testing.assert_allclose(table["share"], [1 / 3, 2 / 3, 0, 0, 0, 0, 0, 0, 1])
    assert realised_transition(labels[:0], 3)["share"].sum() == 0


def test_unknown_is_not_clean(tmp_path):
    splits, csv = tmp_path / "splits.csv", tmp_path / "labels.csv"
    split_data("digits", "data", 40, 10, 10, 0, splits)
    noise_labels(splits, "digits", "data", "unknown", {}, 0, csv)
    lines = csv.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "index,label,clean_label,is_noisy"
    assert all(line.endswith(",,") for line in lines[1:])
    table = read_labels(csv, dataset("mnist"))
    assert table["label"].dtype == np.int64
    assert table[["clean_label", "is_noisy"]].isna().all(axis=None)
    data = load_run_data("digits", "data", splits, csv)
    assert data.clean_targets is None
    assert data.is_noisy is None
    noise_labels(splits, "digits", "data", "none", {}, 0, tmp_path / "none.csv")
    known = load_run_data("digits", "data", splits, tmp_path / "none.csv")
    np.testing.assert_array_equal(data.train.targets, known.train.targets)
    assert data.digest == known.digest
