"""What the studies of coverage share: a tally, and the intervals that those in use were chosen from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import norm

from hydra_steps.tables.seed_intervals import Interval

RESAMPLES = 500
Row = tuple[str, dict[str, float]]


class Tally:
    """Shares of studies in which each interval holds the truth."""

    def __init__(self) -> None:
        self.held: dict[str, list[bool]] = {}

    def add(self, name: str, interval: Interval, truth: float) -> None:
        self.held.setdefault(name, []).append(interval[0] <= truth <= interval[1])

    def shares(self) -> dict[str, float]:
        return {name: float(np.mean(held)) for name, held in self.held.items()}


def bonett_wright(value: float, n: int) -> Interval:
    """The interval of one rank correlation over n groups by its formula for normal variables."""
    z, half = (
        np.arctanh(np.clip(value, 1e-12 - 1, 1 - 1e-12)),
        norm.ppf(0.975) * np.sqrt((1 + value**2 / 2) / (n - 3)),
    )
    return float(np.tanh(z - half)), float(np.tanh(z + half))


def bootstrap(
    statistic: Callable[[np.ndarray], np.ndarray],
    n: int,
    value: float,
    left: np.ndarray,
    random: np.random.Generator,
) -> dict[str, Interval]:
    """The percentile and the bias-corrected and accelerated interval; ``left``: the values without one group."""
    drawn = statistic(random.integers(n, size=(RESAMPLES, n)))
    drawn = np.sort(drawn[np.isfinite(drawn)])
    below = np.clip(((drawn < value).sum() + 0.5 * (drawn == value).sum()) / len(drawn), 1e-3, 1 - 1e-3)
    bias, spread = norm.ppf(below), left.mean() - left
    size = 6 * (spread**2).sum() ** 1.5
    turn = (spread**3).sum() / size if size > 0 else 0.0
    levels = [norm.cdf(bias + (bias + q) / (1 - turn * (bias + q))) for q in norm.ppf([0.025, 0.975])]
    low, high = np.quantile(drawn, levels)
    return {"percentile": percentile(drawn), "BCa": (float(low), float(high))}


def percentile(drawn: np.ndarray) -> Interval:
    """The percentile bootstrap's interval from a statistic's values over resamples."""
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)
