"""Correlation along the last axis, for whole stacks of resamples at once; NaN where one side is constant.

Spearman's coefficient is Pearson's of the mid-ranks (ties share their mean rank), as in
``scipy.stats.spearmanr``.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def pearson(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's coefficient along the last axis of x and y [..., n]; NaN for n < 2, a constant or a
    non-finite side.
    """
    if x.shape[-1] < 2:
        return np.full(np.broadcast_shapes(x.shape, y.shape)[:-1], np.nan)
    constant = (x == x[..., :1]).all(-1) | (y == y[..., :1]).all(-1)
    dx, dy = _centred(x), _centred(y)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = (dx * dy).sum(-1) / np.sqrt((dx * dx).sum(-1) * (dy * dy).sum(-1))
    # Round-off may leave 1.0000000000000002.
    return np.where(constant, np.nan, np.clip(value, -1.0, 1.0))


def spearman(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Spearman's coefficient along the last axis of x and y [..., n]; NaN as in :func:`pearson`."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    value = pearson(rankdata(x, axis=-1), rankdata(y, axis=-1))
    return np.where(np.isfinite(x).all(-1) & np.isfinite(y).all(-1), value, np.nan)


def line(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least-squares slope and intercept of y on x along the last axis; NaN where x is constant."""
    if x.shape[-1] < 2:
        undefined = np.full(np.broadcast_shapes(x.shape, y.shape)[:-1], np.nan)
        return undefined, undefined
    dx = _centred(x)
    constant = (x == x[..., :1]).all(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = (dx * _centred(y)).sum(-1) / (dx * dx).sum(-1)
        slope = np.where(constant, np.nan, slope)
        return slope, y.mean(-1) - slope * x.mean(-1)


def _centred(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, np.float64)
    with np.errstate(invalid="ignore"):
        return x - x.mean(-1, keepdims=True)
