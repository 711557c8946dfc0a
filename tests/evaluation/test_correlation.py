"""Correlations against hand-made numbers and slow twins."""

import numpy as np
import pytest
from scipy.stats import linregress, pearsonr, spearmanr

from hydra_steps.evaluation.correlation import line, pearson, spearman


def slow_spearman(x, y) -> float:
    """Mid-ranks by counting, Pearson by sums."""

    def ranks(values):
        return [sum(v < w for v in values) + (sum(v == w for v in values) + 1) / 2 for w in values]

    rx, ry = ranks(x), ranks(y)
    mx, my = sum(rx) / len(rx), sum(ry) / len(ry)
    top = sum((a - mx) * (b - my) for a, b in zip(rx, ry, strict=True))
    bottom = sum((a - mx) ** 2 for a in rx) * sum((b - my) ** 2 for b in ry)
    return top / bottom**0.5


def test_by_hand():
    # d = (0, 1, 1, 0, 0), n = 5: 1 − 6·2 / (5·24) = 0.9
    assert spearman(np.array([1.0, 2, 3, 4, 5]), np.array([1.0, 3, 2, 4, 5])) == pytest.approx(0.9)


@pytest.mark.parametrize("values", [3, 50])
def test_spearman_with_ties(values):
    generator = np.random.default_rng(values)
    x, y = generator.integers(values, size=(2, 6, 20)).astype(float)
    found = spearman(x, y)
    for i in range(6):
        assert found[i] == pytest.approx(slow_spearman(x[i], y[i]))
        assert found[i] == pytest.approx(spearmanr(x[i], y[i]).statistic)
        assert pearson(x, y)[i] == pytest.approx(pearsonr(x[i], y[i]).statistic)


def test_line():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(2, 3, 11))
    slope, intercept = line(x, y)
    for i in range(3):
        expected = linregress(x[i], y[i])
        assert slope[i] == pytest.approx(expected.slope)
        assert intercept[i] == pytest.approx(expected.intercept)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([], []),
        ([1.0], [2.0]),
        ([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0], [0.1, 0.1, 0.1]),
        ([1.0, np.nan, 3.0], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0], [1.0, np.inf, 3.0]),
    ],
)
def test_where_nothing_is_defined(x, y):
    x, y = np.array(x), np.array(y)
    assert np.isnan(spearman(x, y))
    assert np.isnan(pearson(x, y))


def test_never_beyond_one():
    x = np.array([0.1, 0.2, 0.3]) * 1e-9
    assert abs(pearson(x, 3 * x)) <= 1
    assert abs(pearson(x, -3 * x)) <= 1


def test_ranks_that_agree_are_at_exactly_one_and_what_cancels_is_exactly_nothing():
    generator = np.random.default_rng(1)
    for n in range(2, 40):
        x = generator.normal(size=(50, n))
        assert (spearman(x, x**3) == 1).all()
        assert (spearman(x, -x) == -1).all()
    assert str(spearman(np.array([1.0, 2, 3, 4]), np.array([2.0, 4, 1, 3]))) == "0.0"


def test_a_line_through_constant_x_has_no_slope():
    slope, intercept = line(np.ones(4), np.arange(4.0))
    assert np.isnan(slope)
    assert np.isnan(intercept)
