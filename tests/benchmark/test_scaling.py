"""The laws of growth: the exponent is found; only a line is continued, and none that is not good enough."""

from __future__ import annotations

import numpy as np
import pytest

from hydra_steps.benchmark.scaling import CONTINUED, extrapolate, fit_line, fit_power
from hydra_steps.errors import StudyError


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_a_power_law_is_found(exponent):
    sizes = [1, 4, 16, 64]
    fit = fit_power(sizes, [0.03 * n**exponent for n in sizes])
    assert fit.exponent == pytest.approx(exponent)
    assert fit.coefficient == pytest.approx(0.03)
    assert fit.r_squared == pytest.approx(1)
    assert (fit.points, fit.smallest, fit.largest) == (4, 1, 64)


def test_the_exponents_interval_is_the_regressions():
    fit = fit_power([1, 4, 16, 64], [1.0, 4.5, 15.0, 66.0])
    assert fit.low < fit.exponent < fit.high
    # Two points lie on every line.
    assert np.isnan(fit_power([1, 4], [1, 4]).low)


@pytest.mark.parametrize("fixed", [0.0, 0.5, 20.0])
def test_a_line_is_found_and_continued(fixed):
    sizes = [64, 1, 16, 4]
    line = fit_line(sizes, [fixed + 0.03 * n for n in sizes])
    assert line.fixed == pytest.approx(fixed, abs=1e-9)
    assert line.each == pytest.approx(0.03)
    assert line.r_squared == pytest.approx(1)
    assert extrapolate(line, 60_000) == pytest.approx((fixed + 0.03 * 60_000,) * 3)


def test_a_line_is_the_weighted_least_squares_fit_with_its_interval():
    """Against the textbook's formulas for the regression divided by the times, y / y = a / y + b · x / y."""
    x, y = np.array([8.0, 16, 32, 64]), np.array([7.9, 15.2, 28.5, 55.1])
    line = fit_line(x, y)
    design = np.column_stack([x / y, 1 / y])
    (each, fixed), *_ = np.linalg.lstsq(design, np.ones(4), rcond=None)
    assert (line.each, line.fixed) == pytest.approx((each, fixed))
    spread = np.sqrt(((1 - design @ [each, fixed]) ** 2).sum() / 2)
    value = fixed + each * 1000
    at = np.array([1000, 1.0]) / value
    error = spread * np.sqrt(1 + at @ np.linalg.inv(design.T @ design) @ at)
    reach = np.exp(4.302653 * error)  # Student's t, 97.5 %, 2 degrees of freedom
    assert extrapolate(line, 1000) == pytest.approx((value, value / reach, value * reach), rel=1e-6)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    generator, sizes = np.random.default_rng(0), np.array([8, 16, 32, 64])
    held = 0
    for _ in range(400):
        noise = 1 + 0.02 * generator.standard_normal(5)
        value, low, high = extrapolate(fit_line(sizes, (3 + sizes) * noise[:4]), 1000)
        assert low < value < high
        held += low <= 1003 * noise[4] <= high
    assert 0.92 <= held / 400 <= 0.98


def test_a_line_rests_on_the_largest_sizes():
    sizes = [1, 2, 4, 8, 16, 32, 64]
    seconds = [5, 6, 7, 8, 16, 32, 64]  # a line from 8 on
    line = fit_line(sizes[::-1], seconds[::-1])
    assert (line.points, line.smallest, line.largest) == (CONTINUED, 8, 64)
    assert (line.each, line.fixed) == pytest.approx((1, 0))


@pytest.mark.parametrize(
    ("sizes", "seconds"),
    [
        ([1, 4], [1, 4]),  # two points lie on every line
        ([1, 4, 16, 64], [1, 9, 10, 70]),  # R² below .99
        ([1, 4, 16], [2, 2, 2]),  # no growth to continue
    ],
)
def test_a_bad_line_predicts_nothing(sizes, seconds):
    line = fit_line(sizes, seconds)
    assert not line.trusted
    with pytest.raises(StudyError, match="at least 3 sizes and R²"):
        extrapolate(line, 1000)


def test_what_was_measured_is_not_predicted():
    with pytest.raises(StudyError, match="16 was measured"):
        extrapolate(fit_line([1, 4, 16], [1, 4, 16]), 16)


@pytest.mark.parametrize("fit", [fit_power, fit_line])
@pytest.mark.parametrize(("sizes", "seconds"), [([1], [1]), ([2, 2], [1, 1]), ([1, 2], [0, 1])])
def test_what_has_no_law_is_refused(fit, sizes, seconds):
    with pytest.raises(StudyError, match="at least two different sizes"):
        fit(sizes, seconds)
