"""Verdicts on many comparisons: Holm's correction by hand, and how often anything is decided where nothing is true."""

from __future__ import annotations

import numpy as np
import pytest

from hydra_steps.evaluation.verdicts import FAILS, HOLDS, OPEN, Comparison, decided, holm, summed_up
from hydra_steps.tables.seed_intervals import mean_interval, p_value


def one(verdict=OPEN, against="x", p=np.nan, side=0.0):
    return Comparison("base", "hydra_hessian_free", against, 3, 0.0, 0.0, 0.0, verdict, p, side)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_comparison_without_p_is_one_of_the_family_all_the_same():
    found = holm([0.02, np.nan, 0.001])
    assert found == pytest.approx([0.04, np.nan, 0.003], nan_ok=True)


def test_the_side_decides_between_holds_and_not():
    found = decided([one(p=0.01, side=1.0), one(p=0.01, side=-1.0), one(p=0.3, side=1.0), one()], "aabb")
    assert [each.verdict for each in found] == [HOLDS, FAILS, OPEN, OPEN]
    assert [each.p for each in found[:3]] == pytest.approx([0.02, 0.02, 0.6])
    alone = decided([one(p=0.04, side=1.0), one(p=0.04, side=1.0)], [0, 1])
    assert [each.verdict for each in alone] == [HOLDS, HOLDS]


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ([HOLDS, HOLDS], "holds"),
        ([FAILS, FAILS], "does not hold"),
        ([OPEN], "undecided"),
        ([OPEN, FAILS, OPEN], "undecided: does not hold in 1 of 3 only, base against b"),
        ([FAILS, FAILS, OPEN], "does not hold in 2 of 3, undecided in the others"),
        ([HOLDS, OPEN, OPEN], "holds in 1 of 3: base against a"),
        ([HOLDS, FAILS, OPEN], "holds in 1 of 3: base against a; does not hold in 1 of 3"),
    ],
)
def test_summing_up(verdicts, words):
    names = "abc"
    assert summed_up([one(verdict, names[i]) for i, verdict in enumerate(verdicts)]) == words


@pytest.mark.parametrize("shared", [0.0, 0.7])
@pytest.mark.parametrize("seeds", [3, 5])
def test_ten_comparisons_of_nothing_decide_something_in_one_study_of_twenty(shared, seeds):
    """``shared``: how much of a method's luck all of its comparisons have in common."""
    random = np.random.default_rng(seeds)
    studies, any_decided, uncorrected = 500, 0, 0
    for _ in range(studies):
        values = random.normal(size=(10, seeds)) + shared * random.normal(size=seeds)
        intervals = [mean_interval(row) for row in values]
        ps = [p_value(row.mean(), *ends, seeds=seeds) for row, ends in zip(values, intervals, strict=True)]
        comparisons = [one(p=p, side=row.mean()) for p, row in zip(ps, values, strict=True)]
        any_decided += any(each.verdict != OPEN for each in decided(comparisons, [0] * 10))
        uncorrected += min(ps) < 0.05
    assert any_decided / studies < 0.08
    assert uncorrected / studies > 0.2
