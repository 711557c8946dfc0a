"""How a time grows with a size: a power law fitted to measured times, and what may be foretold from it.

    log seconds = log a + k log size + error        least squares; k is the exponent

A fit foretells a larger size only where it rests on at least three sizes and explains the logarithms with R² of at
least 0.99. Its interval is the 95 % prediction interval of the regression (Student's t, points − 2 degrees of
freedom): wide with three points, and wider the further it reaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import linregress, t

from hydra_steps.errors import StudyError

LEAST_POINTS, LEAST_R_SQUARED = 3, 0.99


@dataclass(frozen=True)
class Fit:
    """``seconds ≈ exp(intercept) · size^exponent`` over ``points`` sizes from ``smallest`` to ``largest``.

    ``low`` and ``high`` bound the exponent (95 %; NaN for two points). ``spread`` is the standard error of one
    log-time, ``centre`` and ``width`` the mean and the sum of squares of the log-sizes.
    """

    exponent: float
    low: float
    high: float
    intercept: float
    r_squared: float
    points: int
    smallest: float
    largest: float
    spread: float
    centre: float
    width: float

    @property
    def trusted(self) -> bool:
        """Whether it may foretell."""
        return self.points >= LEAST_POINTS and self.r_squared >= LEAST_R_SQUARED

    def at(self, size: float) -> float:
        """The fitted seconds, in the measured range and outside it."""
        return float(np.exp(self.intercept + self.exponent * np.log(size)))


def fit_power(sizes: Sequence[float], seconds: Sequence[float]) -> Fit:
    """Fit a power law to one time per size. Raises :class:`StudyError` below two sizes or for what has no logarithm."""
    x, y = np.asarray(sizes, dtype=float), np.asarray(seconds, dtype=float)
    if len(np.unique(x)) < 2 or len(x) != len(np.unique(x)) or not ((x > 0).all() and (y > 0).all()):
        raise StudyError(
            f"a power law is asked of {len(x)} times at the sizes {sorted(x.tolist())}",
            "at least two different sizes, one positive time for each",
        )
    log_x, log_y = np.log(x), np.log(y)
    line = linregress(log_x, log_y)
    free = len(x) - 2
    residual = float(((log_y - line.intercept - line.slope * log_x) ** 2).sum())
    total = float(((log_y - log_y.mean()) ** 2).sum())
    reach = t.ppf(0.975, free) * line.stderr if free else np.nan
    return Fit(
        exponent=float(line.slope),
        low=float(line.slope - reach),
        high=float(line.slope + reach),
        intercept=float(line.intercept),
        r_squared=1.0 - residual / total
        if total
        else 0.0,  # a time that does not change is explained by nothing
        points=len(x),
        smallest=float(x.min()),
        largest=float(x.max()),
        spread=float(np.sqrt(residual / free)) if free else np.nan,
        centre=float(log_x.mean()),
        width=float(((log_x - log_x.mean()) ** 2).sum()),
    )


def fit_largest(sizes: Sequence[float], seconds: Sequence[float]) -> Fit:
    """:func:`fit_power` over as many of the largest sizes as make a fit that is trusted; over all where none is.

    Small sizes do not fill what larger ones share (a pass over the batch, a processor's lanes), so that their times
    grow otherwise than those that are to be continued.
    """
    order = np.argsort(np.asarray(sizes, dtype=float))
    for start in range(max(1, len(order) - LEAST_POINTS + 1)):
        kept = order[start:]
        fit = fit_power([sizes[i] for i in kept], [seconds[i] for i in kept])
        if fit.trusted:
            return fit
    return fit_power(sizes, seconds)


def extrapolate(fit: Fit, size: float) -> tuple[float, float, float]:
    """The seconds at ``size`` beyond the measured sizes, and their 95 % prediction interval.

    Raises :class:`StudyError` for a fit that is not ``trusted``, and for a size that is no larger than what was
    measured.
    """
    if not fit.trusted:
        raise StudyError(
            f"an extrapolation is asked of a fit over {fit.points} sizes with R² {fit.r_squared:.4f}",
            f"at least {LEAST_POINTS} sizes and R² of at least {LEAST_R_SQUARED}",
            "measure more sizes, longer",
        )
    if size <= fit.largest:
        raise StudyError(
            f"an extrapolation is asked to {size:g}, and {fit.largest:g} was measured", "a larger size"
        )
    distance = (np.log(size) - fit.centre) ** 2 / fit.width
    reach = t.ppf(0.975, fit.points - 2) * fit.spread * np.sqrt(1 + 1 / fit.points + distance)
    value = fit.at(size)
    return value, value * float(np.exp(-reach)), value * float(np.exp(reach))
