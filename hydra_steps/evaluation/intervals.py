"""Percentile bootstrap intervals that share one resample among queries, and that know when not to exist.

``scipy.stats.bootstrap`` resamples every array by itself or all as pairs; here a resample is a list of
positions, so that one statistic may look at many queries at once, or at two strata. Resamples on which the
statistic is not defined (a constant sample has no rank correlation) are left out while they are rare;
otherwise there is no interval (NaN). Every call starts its own generator from ``seed``: all methods meet
the same resamples, and adding one changes none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

RESAMPLES = 2000
CONFIDENCE = 0.95
UNDEFINED_SHARE = 0.01
BLOCK_CELLS = 4_000_000

Statistic = Callable[[np.ndarray], np.ndarray]


def bootstrap_interval(
    statistic: Statistic,
    strata: Sequence[int],
    *,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the (low, high) percentile interval of ``statistic``, or (NaN, NaN) where none can be had.

    ``statistic`` maps positions [resamples, n] to values [resamples]. ``strata`` are the sizes of
    consecutive parts that are resampled within themselves (one part: ordinary bootstrap). A part with fewer
    than two members cannot vary, so it gives no interval. O(resamples · n), in blocks of bounded memory.
    """
    (bounds,) = bootstrap_intervals(
        lambda positions: statistic(positions)[:, None],
        strata,
        1,
        resamples=resamples,
        confidence=confidence,
        seed=seed,
    )
    return bounds


def bootstrap_intervals(
    statistics: Statistic,
    strata: Sequence[int],
    count: int,
    *,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> list[tuple[float, float]]:
    """Return :func:`bootstrap_interval` of ``count`` statistics that share their resamples, and so their cost.

    ``statistics`` maps positions [resamples, n] to values [resamples, count].
    """
    total = sum(strata)
    if total == 0 or min(strata) < 2:
        return [(float("nan"), float("nan"))] * count
    generator = np.random.default_rng(seed)
    rows = max(1, BLOCK_CELLS // total)
    values = []
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        offset, parts = 0, []
        for members in strata:
            parts.append(offset + generator.integers(members, size=(size, members)))
            offset += members
        values.append(statistics(np.concatenate(parts, axis=1)))
    return [_percentiles(drawn, confidence) for drawn in np.concatenate(values).T]


def _percentiles(drawn: np.ndarray, confidence: float) -> tuple[float, float]:
    """Return the percentile interval of values [resamples], NaN where too many are undefined."""
    defined = drawn[np.isfinite(drawn)]
    if len(defined) < (1 - UNDEFINED_SHARE) * len(drawn):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
