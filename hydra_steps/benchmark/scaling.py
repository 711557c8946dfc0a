"""How a time grows with a size, and what may be predicted from it.

    seconds = a · sizeᵏ          describes: k is the exponent; least squares of the logarithms
    seconds = a + b · size       predicts: from the largest sizes measured; least squares of the relative errors

Only a line is continued. A step of a forward recurrence is one pass that all tracked samples share, and one tangent
for each of them: once the shared pass is small beside the tangents, their number multiplies the time. A power law
through the smaller sizes, where the shared pass still counts, has k < 1, and continued to a thousand times the size it
would have a sample cost next to nothing.

A line predicts only where it rests on at least three sizes with R² of at least 0.99. Its interval is the 95 %
prediction interval of the regression (Student's t, points − 2 degrees of freedom): it knows of the readings' scatter,
not of memory that runs out beyond what was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import linregress, t

from hydra_steps.errors import StudyError

LEAST_POINTS, LEAST_R_SQUARED = 3, 0.99
CONTINUED = 4  # the largest sizes, on which a line rests: smaller ones do not fill what larger ones share


@dataclass(frozen=True)
class Power:
    """``seconds ≈ coefficient · size^exponent`` over ``points`` sizes from ``smallest`` to ``largest``.

    ``low`` and ``high`` bound the exponent (95 %; NaN for two points).
    """

    exponent: float
    low: float
    high: float
    coefficient: float
    r_squared: float
    points: int
    smallest: float
    largest: float


@dataclass(frozen=True)
class Line:
    """``seconds ≈ fixed + each · size`` over ``points`` sizes from ``smallest`` to ``largest``.

    ``r_squared`` is that of the weighted fit (weights 1 / seconds²). ``spread`` is the standard error of one relative
    reading, ``covariance`` that of (``each``, ``fixed``) in units of its square.
    """

    fixed: float
    each: float
    r_squared: float
    points: int
    smallest: float
    largest: float
    spread: float
    covariance: tuple[tuple[float, ...], ...]

    @property
    def trusted(self) -> bool:
        """Whether it may predict."""
        return self.points >= LEAST_POINTS and self.r_squared >= LEAST_R_SQUARED


def fit_power(sizes: Sequence[float], seconds: Sequence[float]) -> Power:
    """Fit a power law to one time per size. Raises :class:`StudyError` below two sizes or for what has no logarithm.

    >>> round(fit_power([1, 2, 4], [3.0, 6.0, 12.0]).exponent, 6)
    1.0
    """
    x, y = _measured(sizes, seconds, "a power law")
    log_x, log_y = np.log(x), np.log(y)
    line = linregress(log_x, log_y)
    reach = t.ppf(0.975, len(x) - 2) * line.stderr if len(x) > 2 else np.nan
    return Power(
        exponent=float(line.slope),
        low=float(line.slope - reach),
        high=float(line.slope + reach),
        coefficient=float(np.exp(line.intercept)),
        r_squared=_r_squared(log_y, line.intercept + line.slope * log_x, np.ones(len(x))),
        points=len(x),
        smallest=float(x.min()),
        largest=float(x.max()),
    )


def fit_line(sizes: Sequence[float], seconds: Sequence[float]) -> Line:
    """Fit a line to the :data:`CONTINUED` largest sizes, one time for each. Raises as :func:`fit_power` does.

    >>> line = fit_line([1, 2, 3], [3.0, 5.0, 7.0])
    >>> round(line.fixed, 6), round(line.each, 6)
    (1.0, 2.0)
    """
    x, y = _measured(sizes, seconds, "a line")
    largest = np.argsort(x)[-CONTINUED:]
    x, y = x[largest], y[largest]
    # The scatter of a time is a fraction of it, hence the weights.
    (each, fixed), covariance = np.polyfit(x, y, 1, w=1 / y, cov="unscaled")
    errors = (y - fixed - each * x) / y
    free = len(x) - 2
    return Line(
        fixed=float(fixed),
        each=float(each),
        r_squared=_r_squared(y, fixed + each * x, 1 / y**2),
        points=len(x),
        smallest=float(x.min()),
        largest=float(x.max()),
        spread=float(np.sqrt((errors**2).sum() / free)) if free else np.nan,
        covariance=tuple(map(tuple, covariance.tolist())),
    )


def extrapolate(line: Line, size: float) -> tuple[float, float, float]:
    """The seconds at ``size`` beyond the measured sizes, and their 95 % prediction interval, as factors of them.

    Raises :class:`StudyError` for a line that is not ``trusted``, and for a size that is no larger than what was
    measured.
    """
    if not line.trusted:
        raise StudyError(
            f"an extrapolation is asked of a line over {line.points} sizes with R² {line.r_squared:.4f}",
            f"at least {LEAST_POINTS} sizes and R² of at least {LEAST_R_SQUARED}",
            "measure more sizes, longer",
        )
    if size <= line.largest:
        raise StudyError(
            f"an extrapolation is asked to {size:g}, and {line.largest:g} was measured", "a larger size"
        )
    value, at = line.fixed + line.each * size, np.array([size, 1.0])
    spread = line.spread * np.sqrt(1 + at @ np.array(line.covariance) @ at / value**2)
    reach = float(np.exp(t.ppf(0.975, line.points - 2) * spread))
    return value, value / reach, value * reach


def _measured(sizes: Sequence[float], seconds: Sequence[float], law: str) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(sizes, dtype=float), np.asarray(seconds, dtype=float)
    if len(np.unique(x)) < 2 or len(x) != len(np.unique(x)) or not ((x > 0).all() and (y > 0).all()):
        raise StudyError(
            f"{law} is asked of {len(x)} times at the sizes {sorted(x.tolist())}",
            "at least two different sizes, one positive time for each",
        )
    return x, y


def _r_squared(y: np.ndarray, fitted: np.ndarray, weights: np.ndarray) -> float:
    """0 for times that do not change: those are explained by nothing."""
    total = float((weights * (y - np.average(y, weights=weights)) ** 2).sum())
    return 1.0 - float((weights * (y - fitted) ** 2).sum()) / total if total else 0.0
