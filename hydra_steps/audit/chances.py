"""The chance that a label is wrong, by where its sample stands in the ranking.

On the copies, isotonic regression gives the chance s(u) that a label at suspicion u is planted, which falls with u.
Planting ρ of the labels, the density of planted ones over that of the others is r(u) = s / (1 − s) · (1 − ρ) / ρ; of
the wrong labels that nobody knows of, a share π of all, the chance is then π · r(u), at most 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 10


@dataclass(frozen=True)
class Calibration:
    """Falling steps: ``ratio[i]`` = r holds for suspicions up to ``edges[i]``; ``planted`` = ρ."""

    edges: np.ndarray
    ratio: np.ndarray
    planted: float

    def ratio_at(self, suspicion: np.ndarray) -> np.ndarray:
        """Return r [n] at suspicions [n]."""
        place = np.minimum(np.searchsorted(self.edges, suspicion, "left"), len(self.ratio) - 1)
        found: np.ndarray = self.ratio[place]
        return found

    def chance(self, suspicion: np.ndarray, rate: float) -> np.ndarray:
        """Return the chance [n] of being wrong where a share ``rate`` of the labels left alone is."""
        return np.clip(rate * self.ratio_at(suspicion), 0.0, 1.0)

    def chance_planted(self, suspicion: np.ndarray) -> np.ndarray:
        """Return the chance [n] of being planted, for a copy like those that were learnt from."""
        odds = self.ratio_at(suspicion) * self.planted / (1 - self.planted)
        return odds / (1 + odds)


def calibrate(suspicion: np.ndarray, planted: np.ndarray) -> Calibration:
    """Learn from the samples of copies: suspicions [m] and flags [m], some of them True and some False.

    A step is lowered by half a sample that was left alone, so that no finite number of planted labels makes certain.
    """
    from sklearn.isotonic import IsotonicRegression

    order = np.argsort(suspicion, kind="stable")
    u, flags = suspicion[order], planted[order].astype(np.float64)
    level = IsotonicRegression(increasing=False).fit_transform(u, flags)
    last = np.flatnonzero(np.append(level[1:] != level[:-1], True))  # of each step
    wrong = np.diff(np.cumsum(flags)[last], prepend=0.0)
    right = np.diff((last + 1).astype(np.float64), prepend=0.0) - wrong
    ratio = (wrong / max(flags.sum(), 1)) / ((right + 0.5) / max((1 - flags).sum(), 1))
    return Calibration(u[last], np.minimum.accumulate(ratio), float(flags.mean()))


@dataclass(frozen=True)
class Bin:
    """Samples whose chance was told to be ``told`` on average, and of which the share ``real`` was wrong."""

    told: float
    real: float
    count: int


def reliability(told: np.ndarray, wrong: np.ndarray, bins: int = BINS) -> list[Bin]:
    """Return the bins of a reliability diagram for chances [n] and truths [n]; empty bins are left out."""
    place = np.minimum((told * bins).astype(np.int64), bins - 1)
    groups = [place == b for b in range(bins)]
    return [Bin(float(told[g].mean()), float(wrong[g].mean()), int(g.sum())) for g in groups if g.any()]


def calibration_error(bins: list[Bin]) -> float:
    """Return the mean distance of told and real over all samples of the bins (expected calibration error)."""
    count = sum(b.count for b in bins)
    return sum(b.count * abs(b.told - b.real) for b in bins) / count if count else float("nan")
