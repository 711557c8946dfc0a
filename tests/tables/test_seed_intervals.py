"""Intervals over seeds against plain loops and scipy, and how often they are wrong where nothing differs."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import t as student
from scipy.stats import ttest_1samp

from hydra_steps.tables.seed_intervals import mean_interval, p_value, pairs_interval


def pair_means(pairs: np.ndarray, count: int) -> np.ndarray:
    """Each seed's mean over its pairs [n], from a value for each pair of seeds (in ``combinations``' order)."""
    table = np.full((count, count), np.nan)
    for (i, j), value in zip(combinations(range(count), 2), pairs, strict=True):
        table[i, j] = table[j, i] = value
    return np.nanmean(table, axis=1)


@pytest.mark.parametrize("count", [3, 4, 7])
def test_the_jackknife_is_that_of_a_loop(count):
    pairs = np.random.default_rng(count).normal(size=count * (count - 1) // 2)
    names = list(combinations(range(count), 2))
    without = [
        np.mean([value for pair, value in zip(names, pairs, strict=True) if seed not in pair])
        for seed in range(count)
    ]
    error = np.sqrt((count - 1) / count * np.sum((np.array(without) - np.mean(without)) ** 2))
    half = student.ppf(0.975, count - 1) * error
    found = pairs_interval(pair_means(pairs, count))
    assert found == pytest.approx((pairs.mean() - half, pairs.mean() + half))
    plain = mean_interval(pair_means(pairs, count))
    assert (found[1] - found[0]) / (plain[1] - plain[0]) == pytest.approx(2 * (count - 1) / (count - 2))


def test_none_from_too_few():
    assert np.isnan(mean_interval(np.ones(1))).all()
    assert np.isnan(pairs_interval(np.ones(2))).all()


def test_interval_and_p_are_scipys():
    values = np.random.default_rng(0).normal(0.7, 1, 6)
    low, high = mean_interval(values)
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    assert (low, high) == pytest.approx((expected.low, expected.high))
    for limit in (0.0, 0.5, 3.0):
        expected = ttest_1samp(values, limit).pvalue
        assert p_value(values.mean(), low, high, limit, 6) == pytest.approx(expected)


def test_p_of_an_interval_of_another_kind():
    assert p_value(1.96, 0.0, 5.0) == pytest.approx(0.05)  # its end is the limit
    assert p_value(-1.96, -9.0, 0.0) == pytest.approx(0.05)
    assert p_value(1.0, 0.5, 1.5) < 0.001
    assert np.isnan(p_value(1.0, np.nan, np.nan))
    assert (p_value(0.2, 0.2, 0.2), p_value(0.0, 0.0, 0.0)) == (0.0, 1.0)


@pytest.mark.parametrize("count", [3, 5, 10])
def test_seeds_that_share_pairs_decide_nothing_where_nothing_differs(count):
    """Two methods alike, of seeds with levels of their own: Student's interval decides in a third of the studies."""
    random = np.random.default_rng(count)
    studies, wrong, by_student = 800, 0, 0
    for _ in range(studies):
        levels = random.normal(size=(2, count))
        pairs = np.array([[own[i] + own[j] for i, j in combinations(range(count), 2)] for own in levels])
        apart = pair_means(pairs[0] - pairs[1], count)
        for interval, name in ((pairs_interval, "pairs"), (mean_interval, "student")):
            low, high = interval(apart)
            outside = low > 0 or high < 0
            wrong += outside and name == "pairs"
            by_student += outside and name == "student"
    assert 0.025 < wrong / studies < 0.08
    assert by_student / studies > 0.2
