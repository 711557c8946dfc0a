"""The bootstrap where one statistic looks at several strata, or several statistics share their resamples.

``scipy.stats.bootstrap`` resamples every array by itself or all as pairs; here a resample is a list of positions.
Resamples on which the statistic is not defined (a constant sample has no rank correlation) are left out while they are
rare; otherwise there is nothing (NaN). Every call starts its own generator from ``seed``: all methods meet the same
resamples, and adding one changes none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hydra_steps.tables.seed_intervals import CONFIDENCE, NOWHERE, Interval

RESAMPLES = 2000
UNDEFINED_SHARE = 0.01
BLOCK_CELLS = 4_000_000

Statistic = Callable[[np.ndarray], np.ndarray]


def bootstrap_interval(
    statistic: Statistic,
    n: int,
    *,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> Interval:
    """Return the (low, high) percentile interval of ``statistic``, or (NaN, NaN) where none can be had.

    ``statistic`` maps positions [resamples, n] to values [resamples]. One sample cannot vary, so it gives no interval.
    O(resamples · n), in blocks of bounded memory.
    """
    drawn = _drawn(lambda positions: statistic(positions)[:, None], [n], 1, resamples, seed)[:, 0]
    if not _mostly_defined(drawn):
        return NOWHERE
    low, high = np.quantile(drawn[np.isfinite(drawn)], [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def bootstrap_variances(
    statistics: Statistic, strata: Sequence[int], count: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> list[float]:
    """Return the variances of ``count`` statistics that share their resamples, NaN where none can be had.

    ``statistics`` maps positions [resamples, n] to values [resamples, count]. ``strata`` are the sizes of consecutive
    parts that are resampled within themselves. Resampling n of n makes a variance too small by (n − 1)/n: it is made
    up for with the smallest stratum.
    """
    drawn = _drawn(statistics, strata, count, resamples, seed)
    made_up = 1 + 1 / max(min(strata, default=0) - 1, 1)
    return [
        float(np.var(own[np.isfinite(own)]) * made_up) if _mostly_defined(own) else float("nan")
        for own in drawn.T
    ]


def _drawn(statistics: Statistic, strata: Sequence[int], count: int, resamples: int, seed: int) -> np.ndarray:
    """Return values [resamples, count]; NaN where a stratum has fewer than two samples."""
    total = sum(strata)
    if total == 0 or min(strata) < 2:
        return np.full((resamples, count), np.nan)
    generator = np.random.default_rng(seed)
    rows = max(1, BLOCK_CELLS // total)
    values = []
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        offset, parts = 0, []
        for samples in strata:
            parts.append(offset + generator.integers(samples, size=(size, samples)))
            offset += samples
        values.append(statistics(np.concatenate(parts, axis=1)))
    return np.concatenate(values)


def _mostly_defined(drawn: np.ndarray) -> bool:
    return bool(np.isfinite(drawn).mean() >= 1 - UNDEFINED_SHARE)
