"""Intervals over groups: against formulas and plain loops, at the edges, and how often they hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, linregress, ttest_1samp
from scipy.stats import t as student

from hydra_steps.evaluation.correlation import line, pearson, spearman
from hydra_steps.evaluation.group_intervals import (
    BLOCKS,
    correlation_interval,
    jackknife_interval,
    leave_out,
    share_interval,
)


def normal_pairs(n, truth, random, queries=1):
    """x and y [q, n] with the rank correlation ``truth``."""
    r = 2 * np.sin(np.pi * truth / 6)
    x = random.normal(size=(queries, n))
    return x, r * x + np.sqrt(1 - r * r) * random.normal(size=(queries, n))


def interval_of(x, y, function=spearman):
    value, n = float(function(x, y).mean()), x.shape[1]
    left = leave_out(lambda at: function(x[:, at], y[:, at]), n)
    return value, correlation_interval(value, left, n, ranks=function is spearman)


def test_leaving_out_is_a_loop():
    x = np.random.default_rng(0).normal(size=9)
    left = leave_out(lambda at: x[at].mean(), 9)
    np.testing.assert_allclose(left, [np.delete(x, i).mean() for i in range(9)])


def test_many_groups_are_left_out_in_parts():
    seen = []
    leave_out(lambda at: seen.append(set(at)) or 0.0, 3 * BLOCKS + 7)
    assert len(seen) == BLOCKS
    out = [set(range(3 * BLOCKS + 7)) - kept for kept in seen]
    assert {len(part) for part in out} == {3, 4}
    assert set.union(*out) == set(range(3 * BLOCKS + 7))


def test_a_mean_has_students_interval():
    x = np.random.default_rng(1).normal(size=12)
    found = jackknife_interval(x.mean(), leave_out(lambda at: x[at].mean(), 12))
    expected = ttest_1samp(x, 0).confidence_interval(0.95)
    assert found == pytest.approx((expected.low, expected.high))


def test_a_slope_has_nearly_the_interval_of_least_squares():
    random = np.random.default_rng(2)
    x = random.normal(size=200)
    y = 2 * x + random.normal(size=200)
    low, high = jackknife_interval(
        float(line(x, y)[0]), leave_out(lambda at: line(x[at], y[at])[0], 200), fitted=2
    )
    fit = linregress(x, y)
    half = student.ppf(0.975, 198) * fit.stderr
    assert (low, high) == pytest.approx((fit.slope - half, fit.slope + half), abs=0.05)


def test_a_line_that_hangs_on_few_groups_has_few_degrees():
    left = np.array([1.0, -1.0] * 10)
    wide = {}
    for name, values in {"alike": left, "two": np.array([1.0, -1.0] + [0.0] * 18)}.items():
        error = np.sqrt(19 / 20 * (values**2).sum())
        low, high = jackknife_interval(0.0, values, fitted=2)
        assert low == -high
        wide[name] = high / error
    assert wide["alike"] == pytest.approx(student.ppf(0.975, 18))  # never more than n - 2
    assert wide["two"] == pytest.approx(student.ppf(0.975, 3 * 2 - 2))
    low, high = jackknife_interval(0.0, np.array([1.0] + [0.0] * 19), fitted=1)
    assert high == pytest.approx(student.ppf(0.975, 19) * np.sqrt(19 / 20 * 0.95))
    assert jackknife_interval(2.0, np.full(5, 2.0), fitted=2) == (2.0, 2.0)


@pytest.mark.parametrize("function", [spearman, pearson])
def test_a_correlation_in_the_middle_has_fishers_interval(function):
    x, y = normal_pairs(400, 0.5, np.random.default_rng(3))
    value, (low, high) = interval_of(x, y, function)
    z, half = np.arctanh(value), 1.96 * np.sqrt((1 + value**2 / 2) / 397)
    assert low == pytest.approx(np.tanh(z - half), abs=0.02)
    assert high == pytest.approx(np.tanh(z + half), abs=0.02)


def test_a_perfect_order_is_no_proof_of_a_perfect_order():
    x = np.arange(8.0)[None]
    value, (low, high) = interval_of(x, x)
    assert (value, high) == (1.0, 1.0)
    assert 0.8 < low < 0.97
    _, (low, _) = interval_of(np.arange(40.0)[None], np.arange(40.0)[None])
    assert 0.99 < low < 1


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_no_correlation_interval_from_three(n):
    x, y = normal_pairs(n, 0.5, np.random.default_rng(0))
    if n:
        left = leave_out(lambda at: spearman(x[:, at], y[:, at]), n)
        assert np.isnan(correlation_interval(0.5, left, n, ranks=True)).all()


def test_no_interval_where_a_part_has_no_value():
    x = np.array([[1.0, 1.0, 1.0, 1.0, 2.0]])  # constant without the last
    left = leave_out(lambda at: spearman(x[:, at], x[:, at]), 5)
    assert np.isnan(correlation_interval(1.0, left, 5, ranks=True)).all()
    assert np.isnan(jackknife_interval(1.0, np.array([1.0, np.nan, 2.0]))).all()
    assert np.isnan(jackknife_interval(1.0, np.array([1.0]))).all()


@pytest.mark.parametrize(("right", "n"), [(0, 8), (5, 8), (8, 8), (33, 40)])
def test_the_share_of_one_query_has_wilsons_interval(right, n):
    share = right / n
    expected = binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert share_interval(share, share * (1 - share) / n, n) == pytest.approx((expected.low, expected.high))


def test_a_mean_share_is_worth_more_or_less_and_at_most_twice():
    half = [np.diff(share_interval(0.5, variance, 10))[0] for variance in (0.1, 0.025, 0.0125, 1e-6, 0.0)]
    assert half[0] > half[1] > half[2] == half[3]
    assert half[4] == half[1]
    assert np.isnan(share_interval(np.nan, 0.1, 10)).all()
    assert np.isnan(share_interval(0.5, np.nan, 10)).all()
    assert np.isnan(share_interval(0.5, 0.1, 0)).all()


def test_a_variance_from_few_values_is_trusted_less():
    known = share_interval(0.6, 0.024, 10)
    guessed = share_interval(0.6, 0.024, 10, estimated=True)
    assert guessed == pytest.approx(
        share_interval(0.6, 0.024 * (student.ppf(0.975, 9) / 1.96) ** 2, 10), abs=1e-3
    )
    assert guessed[0] < known[0] < 0.6 < known[1] < guessed[1]
    assert share_interval(0.6, 0.024, 1, estimated=True) == share_interval(0.6, 0.024, 1)


@pytest.mark.parametrize(
    ("n", "truth", "queries"),
    [(8, 0.995, 1), (8, 0.995, 5), (8, 0.9, 1), (8, 0.9, 5), (40, 0.995, 1), (40, 0.5, 5)],
)
def test_intervals_hold_what_they_are_of(n, truth, queries):
    """Of 300 intervals 285 should; the percentile bootstrap's do in a half to nine tenths at the edge."""
    random, times = np.random.default_rng(n), 300
    drawn = [normal_pairs(n, truth, random, queries) for _ in range(times)]
    x, y = (np.stack(one) for one in zip(*drawn, strict=True))
    left = leave_out(lambda at: spearman(x[..., at], y[..., at]), n)  # of all of them at once
    value = spearman(x, y).mean(1)
    found = [correlation_interval(float(value[i]), left[:, i], n, ranks=True) for i in range(times)]
    held = sum(low <= truth <= high for low, high in found)
    assert held / times > 0.92  # the fewest are 284
