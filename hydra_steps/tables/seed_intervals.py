"""Intervals of a mean over seeds: Student's for independent values, the jackknife's for values that share pairs.

    mean over S seeds of independent a_s            SE² = s² / S,  s the standard deviation of the a_s
    mean over the S(S − 1)/2 pairs of seeds of p,   SE² = (S − 1)/S · Σ_i (P_{−i} − P)², P_{−i} without the pairs of i
    known by a_i = the mean of i's pairs                = (2(S − 1)/(S − 2))² · s² / S

A value of each seed that averages its pairs with the others is not independent of theirs: every pair enters two of
them. Leaving out one seed at a time takes that into account; with three seeds it is four times as wide as Student's
interval of the same numbers. Both use Student's quantile for S − 1 degrees of freedom. ``tools/interval_coverage.py``
measures how often they cover. Torch-free.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

# Not scipy.stats, which takes half a second to import, in each of many jobs.
from scipy.special import expit, ndtr, ndtri, stdtr, stdtrit

from hydra_steps.config.targets import METRICS

CONFIDENCE = 0.95
FEWEST_SEEDS = 3  # the spread of fewer says little: two that happen to agree have none
Interval = tuple[float, float]
# What metrics can be, where that has an end.
RANGES: tuple[tuple[tuple[str, ...], Interval], ...] = (
    (
        ("lds", "pearson", "loo_spearman", "loo_pearson", "top_spearman", "top_pearson", "adjusted_rand")
        + ("reliability",),
        (-1.0, 1.0),
    ),
    (
        ("noise_left", "sign_accuracy", "flipped")
        + (
            "ceiling",
            "auroc",
            "average_precision",
            "found_in_inspected",
            "f1",
            "precision",
            "recall",
            "share_noisy",
        ),
        (0.0, 1.0),
    ),
    (
        ("test_loss", "validation_loss", "classes_left", "median_smallest_group")
        + ("hypergradient_norm", "hypergradient_distance"),
        (0.0, math.inf),
    ),
)
RANGES += tuple(
    (tuple(f"{split}_{metric.name}" for split in ("test", "validation")), metric.ends)
    for metric in METRICS.values()
)
NOWHERE: Interval = (math.nan, math.nan)


def mean_interval(values: np.ndarray) -> Interval:
    """Student's interval of the mean of independent values [n]; NaN for fewer than two.

    >>> [round(end, 3) for end in mean_interval(np.array([1.0, 2.0, 3.0]))]
    [-0.484, 4.484]
    """
    return _around(values, 1.0) if len(values) > 1 else NOWHERE


def pairs_interval(values: np.ndarray) -> Interval:
    """The jackknife's interval of the mean over pairs, from each seed's mean over its pairs [n]; NaN below three.

    >>> [round(end, 3) for end in pairs_interval(np.array([1.0, 2.0, 3.0]))]
    [-7.937, 11.937]
    """
    count = len(values)
    return _around(values, 2 * (count - 1) / (count - 2)) if count >= FEWEST_SEEDS else NOWHERE


def summary_interval(metric: str, values: np.ndarray, lows: np.ndarray, highs: np.ndarray) -> Interval:
    """The interval of the mean of runs [s], one for each seed, whose own intervals have these ends; NaN without those.

    From three seeds on Student's over the seeds' values, on a scale without ends where the metric has two; with fewer,
    whose spread says little, from the lowest to the highest end of the runs' own.
    """
    if not (np.isfinite(values).all() and np.isfinite([lows, highs]).any()):
        return NOWHERE
    if len(values) >= FEWEST_SEEDS:
        return on_scale(metric, *mean_interval(values))
    return float(lows.min()), float(highs.max())


def on_scale(metric: str, low: float, high: float) -> Interval:
    """Turn a symmetric interval of a metric from a to b into that of the same width on log((v − a)/(b − v)).

    For correlations that scale is Fisher's. Near an end the values' law is skew: the interval reaches further to the
    middle and never past the end. A metric without two ends keeps its interval, cut where the one end is.

    >>> [round(end, 3) for end in on_scale("lds", 0.85, 1.05)]
    [0.667, 0.993]
    """
    least, most = _range(metric)
    value, half = (low + high) / 2, (high - low) / 2
    if half == 0 or not (math.isfinite(half) and math.isfinite(most - least) and least < value < most):
        return within(metric, low, high)
    span = most - least
    share = (value - least) / span
    middle, half = math.log(share / (1 - share)), half / span / (share * (1 - share))
    return least + span * float(expit(middle - half)), least + span * float(expit(middle + half))


def within(metric: str, low: float, high: float) -> Interval:
    """Return an interval cut to what the metric can be: few values reach far outside.

    >>> within("test_accuracy", 0.9, 1.2)
    (0.9, 1.0)
    """
    least, most = _range(metric)
    return max(low, least), min(high, most)


def _range(metric: str) -> Interval:
    return next((ends for names, ends in RANGES if metric in names), (-math.inf, math.inf))


def p_value(value: float, low: float, high: float, limit: float = 0.0, seeds: int | None = None) -> float:
    """The two-sided p of ``value`` against ``limit``, from the 95 % interval; NaN where there is none.

    ``seeds``: how many made the interval by their spread (Student's law); None where it came otherwise (normal law).
    Of an interval that is not symmetrical the side towards the limit counts.
    """
    half = value - low if value > limit else high - value
    if math.isnan(half):
        return math.nan
    if half <= 0:
        return 1.0 if value == limit else 0.0
    chance, quantile = ndtr, ndtri
    if seeds is not None:
        chance, quantile = partial(stdtr, seeds - 1), partial(stdtrit, seeds - 1)
    return float(2 * chance(-abs(value - limit) / half * quantile((1 + CONFIDENCE) / 2)))


def _around(values: np.ndarray, wider: float) -> Interval:
    count = len(values)
    quantile = stdtrit(count - 1, (1 + CONFIDENCE) / 2)
    half = wider * quantile * values.std(ddof=1) / math.sqrt(count)
    return float(values.mean() - half), float(values.mean() + half)
