"""Noisy-label detection against counting in loops."""

from itertools import permutations

import numpy as np
import pytest

from hydra_steps.errors import StudyError
from hydra_steps.evaluation.detection import detect, evaluate_detection
from hydra_steps.evaluation.ranking import SuspicionRanking, counts_of
from hydra_steps.tables.tidy import read_table


def slow_auroc(c, noisy) -> float:
    """Pairs of a mislabelled and a clean sample in which the mislabelled one is lower."""
    won = pairs = 0.0
    for a, bad in zip(c, noisy, strict=True):
        for b, also_bad in zip(c, noisy, strict=True):
            if bad and not also_bad:
                pairs += 1
                won += 1.0 if a < b else 0.5 if a == b else 0.0
    return won / pairs


def slow_average_precision(c, noisy) -> float:
    """Precision at every distinct threshold times the gain in recall."""
    total, before = 0.0, 0
    for threshold in sorted(set(c)):
        chosen = [bad for value, bad in zip(c, noisy, strict=True) if value <= threshold]
        total += (sum(chosen) - before) / sum(noisy) * sum(chosen) / len(chosen)
        before = sum(chosen)
    return total


def slow_found(c, noisy, inspected) -> float:
    """Mean over all orders of the samples that agree with the ranking."""
    shares = []
    for order in permutations(range(len(c))):
        if all(c[order[i]] <= c[order[i + 1]] for i in range(len(order) - 1)):
            shares.append(sum(noisy[i] for i in order[:inspected]) / sum(noisy))
    return sum(shares) / len(shares)


@pytest.mark.parametrize("values", [1, 2, 4, 1000])
@pytest.mark.parametrize("seed", range(3))
def test_against_loops(values, seed):
    generator = np.random.default_rng(seed)
    c = generator.integers(values, size=25).astype(float)
    noisy = generator.random(25) < 0.4
    rows = {r["metric"]: r["value"] for r in detect(c, noisy, [0.2], 10, 0)}
    assert rows["auroc"] == pytest.approx(slow_auroc(c, noisy))
    assert rows["average_precision"] == pytest.approx(slow_average_precision(c, noisy))


@pytest.mark.parametrize("values", [1, 2, 3, 100])
@pytest.mark.parametrize("inspected", [0, 1, 3, 7])
def test_found_against_all_orders(values, inspected):
    generator = np.random.default_rng(values)
    c = generator.integers(values, size=7).astype(float)
    noisy = np.array([True, False, True, False, False, True, False])
    found = SuspicionRanking(c, noisy).curve(np.ones((1, 7))).found_in_inspected(inspected / 7)
    assert found[0] == pytest.approx(slow_found(c, noisy, inspected))


@pytest.mark.parametrize("values", [3, 100])
def test_weights_are_repetitions(values):
    generator = np.random.default_rng(0)
    c = generator.integers(values, size=12).astype(float)
    noisy = np.arange(12) % 3 == 0
    drawn = np.hstack([generator.choice(np.flatnonzero(noisy), (5, 4)), generator.integers(12, size=(5, 8))])
    curve = SuspicionRanking(c, noisy).curve(counts_of(drawn))
    for i, at in enumerate(drawn):
        if noisy[at].all():
            continue
        assert curve.auroc()[i] == pytest.approx(slow_auroc(c[at], noisy[at]))
        expected = slow_average_precision(c[at], noisy[at])
        assert curve.average_precision()[i] == pytest.approx(expected)
        expected = SuspicionRanking(c[at], noisy[at]).curve(np.ones((1, 12))).found_in_inspected(0.25)[0]
        assert curve.found_in_inspected(0.25)[i] == pytest.approx(expected)


def test_the_lowest_are_the_suspects_and_intervals_hold_the_value():
    generator = np.random.default_rng(0)
    noisy = np.arange(200) < 40
    c = generator.normal(size=200) - noisy
    for row in detect(c, noisy, [0.1, 0.3], 500, 0):
        assert row["ci_low"] < row["value"] < row["ci_high"]
    assert detect(c, noisy, [], 500, 0)[0]["value"] > 0.6
    assert detect(-noisy.astype(float), noisy, [0.2], 100, 0)[2]["value"] == 1


def test_constant_scores_find_by_chance():
    noisy = np.arange(50) < 10
    rows = {r["metric"]: r["value"] for r in detect(np.zeros(50), noisy, [0.3], 50, 0)}
    assert rows == pytest.approx({"auroc": 0.5, "average_precision": 0.2, "found_in_inspected": 0.3})


@pytest.mark.parametrize(
    ("c", "noisy"),
    [([], []), ([1.0], [True]), ([1.0, 2.0], [False, False]), ([1.0, np.nan, 2.0], [True, False, False])],
)
def test_undefined_is_said(c, noisy):
    for row in detect(np.array(c), np.array(noisy, bool), [0.1], 10, 0):
        assert "value" not in row


def test_one_mislabelled_sample_has_no_interval():
    row = detect(np.arange(9.0), np.arange(9) == 0, [], 10, 0)[0]
    assert row["value"] == 1
    assert np.isnan(row["ci_low"])


def test_the_table(study, tmp_path):
    noisy = [True, False, False, True, False]
    c = [[-1.0, 1, 2, -3, 4], [5.0, 1, 2, 3, 4], [0.0, 0, 0, 0, 0]]
    scores = [
        study.scores(m, c, ("test_mean", "validation_mean", "test_sample_0"), run=run)
        for run in ("base-seed0", "base-seed1")
        for m in ("a", "b")
    ]
    labels = [study.labels(noisy, run=run) for run in ("base-seed0", "base-seed1")]
    evaluate_detection(scores, labels, tmp_path / "d.csv", inspect=[0.4], resamples=50)
    table = read_table(tmp_path / "d.csv")
    assert set(table["query"]) == {"test_mean", "validation_mean"}
    assert len(table) == 2 * 2 * 3 * 3
    one = table[(table["method"] == "a") & (table["query"] == "test_mean") & (table["seed"] == "1")]
    assert dict(zip(one["metric"], one["value"], strict=True)) == {
        "auroc": 1,
        "average_precision": 1,
        "found_in_inspected": 1,
    }


def test_a_method_that_scored_some_is_measured_on_those(study, tmp_path):
    c = np.array([-1.0, np.nan, 2.0, np.nan, 1.0])
    scores = [study.scores("forward", c, tracked=[0, 2, 4])]
    labels = [study.labels([True, True, False, False, False])]
    evaluate_detection(scores, labels, tmp_path / "d.csv", inspect=[0.4], resamples=50)
    table = read_table(tmp_path / "d.csv")
    assert (table["n"] == 3).all()
    assert (table["value"] == 1).all()


def test_a_study_without_the_query_is_told(study, tmp_path):
    scores, labels = [study.scores("m", [1.0, 2], ("test_sample_0",))], [study.labels([True, False])]
    with pytest.raises(StudyError, match="test_sample_0.*mean_loss"):
        evaluate_detection(scores, labels, tmp_path / "d.csv")


def test_labels_must_fit(study, tmp_path):
    scores = [study.scores("m", [1.0, 2, 3])]
    with pytest.raises(StudyError, match="scores 3 samples"):
        evaluate_detection(scores, [study.labels([True, False])], tmp_path / "d.csv")
    with pytest.raises(StudyError, match="no labels"):
        evaluate_detection(scores, [study.labels([True], run="other-seed0")], tmp_path / "d.csv")
