"""Power laws: the exponent is found, and nothing is foretold from a fit that is not good enough."""

from __future__ import annotations

import numpy as np
import pytest

from hydra_steps.errors import StudyError
from hydra_steps.evaluation.scaling import extrapolate, fit_largest, fit_power


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_a_power_law_is_found_and_continued(exponent):
    sizes = [1, 4, 16, 64]
    fit = fit_power(sizes, [0.03 * n**exponent for n in sizes])
    assert fit.exponent == pytest.approx(exponent)
    assert fit.r_squared == pytest.approx(1)
    assert extrapolate(fit, 60_000) == pytest.approx((0.03 * 60_000**exponent,) * 3)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    generator, sizes = np.random.default_rng(0), np.array([1, 4, 16, 64])
    held = 0
    for _ in range(400):
        noise = np.exp(0.05 * generator.standard_normal(5))
        value, low, high = extrapolate(fit_power(sizes, sizes * noise[:4]), 1000)
        assert low < value < high
        held += low <= 1000 * noise[4] <= high
    assert 0.92 <= held / 400 <= 0.98


@pytest.mark.parametrize(
    ("sizes", "seconds"),
    [
        ([1, 4], [1, 4]),  # two points lie on every line
        ([1, 4, 16, 64], [1, 9, 10, 70]),  # R² .95
        ([1, 4, 16], [2, 2, 2]),  # no growth to continue
    ],
)
def test_a_bad_fit_foretells_nothing(sizes, seconds):
    fit = fit_power(sizes, seconds)
    assert not fit.trusted
    with pytest.raises(StudyError, match="at least 3 sizes and R²"):
        extrapolate(fit, 1000)


def test_what_was_measured_is_not_foretold():
    with pytest.raises(StudyError, match="16 was measured"):
        extrapolate(fit_power([1, 4, 16], [1, 4, 16]), 16)


@pytest.mark.parametrize(("sizes", "seconds"), [([1], [1]), ([2, 2], [1, 1]), ([1, 2], [0, 1])])
def test_what_has_no_power_law_is_refused(sizes, seconds):
    with pytest.raises(StudyError, match="power law"):
        fit_power(sizes, seconds)


def test_small_sizes_that_grow_otherwise_are_left_out_of_what_is_continued():
    sizes = [1, 2, 4, 8, 16, 32, 64]
    seconds = [5, 6, 7, 8, 16, 32, 64]  # linear from 8 on
    assert not fit_power(sizes, seconds).trusted
    fit = fit_largest(sizes, seconds)
    assert fit.trusted
    assert fit.largest == 64
    more = sizes.index(fit.smallest) - 1
    assert not fit_power(sizes[more:], seconds[more:]).trusted  # no more is left out than must be
    assert fit_largest(sizes[::-1], seconds[::-1]) == fit
    rough = [1, 9, 2, 8, 3, 9, 1]
    assert fit_largest(sizes, rough) == fit_power(sizes, rough)
    assert fit_largest([1, 2], [1, 2]).points == 2
