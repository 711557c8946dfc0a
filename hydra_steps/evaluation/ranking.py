"""A ranking by suspicion, measured under many weightings at once: what makes the bootstrap cheap.

Weights [r, n] say how often each sample was drawn. Samples with equal scores form a block and have no order
inside it. Every measure is O(r · n) from two cumulative sums, which all measures share. Torch-free.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


class SuspicionRanking:
    """Samples in order of suspicion, the lowest contribution [n] first; ``is_noisy`` [n] is the truth."""

    def __init__(self, contribution: np.ndarray, is_noisy: np.ndarray) -> None:
        self.order = np.argsort(contribution, kind="stable")
        ordered = contribution[self.order]
        self.is_noisy = is_noisy[self.order].astype(np.float64)
        # Last position of every block of equal scores.
        self.ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))

    def curve(self, weights: np.ndarray) -> Curve:
        """Return what has been met at each block's end under ``weights`` [r, n]."""
        ordered = weights[:, self.order]
        start = np.zeros((len(weights), 1))
        true = np.cumsum(ordered * self.is_noisy, axis=1)[:, self.ends]
        every = np.cumsum(ordered, axis=1)[:, self.ends]
        return Curve(np.hstack([start, true]), np.hstack([start, every]), weights.shape[1])


@dataclass(frozen=True)
class Curve:
    """Weights of the mislabelled (``true``) and of all (``every``) up to each block's end [r, blocks + 1], starting
    at zero, of ``samples`` samples.
    """

    true: np.ndarray
    every: np.ndarray
    samples: int

    def auroc(self) -> np.ndarray:
        """Return [r] areas under the curve (false share, true share) through the blocks' ends, by
        trapezoids.
        """
        true, false = self.true, self.every - self.true
        area = (np.diff(false, axis=1) * (true[:, 1:] + true[:, :-1]) / 2).sum(1)
        share: np.ndarray = area / (true[:, -1] * false[:, -1])
        return share

    def average_precision(self) -> np.ndarray:
        """Return [r] sums over blocks of the gain in recall times the precision at the block's end."""
        true = self.true
        precision = true[:, 1:] / np.maximum(self.every[:, 1:], 1)
        average: np.ndarray = (np.diff(true, axis=1) * precision).sum(1) / true[:, -1]
        return average

    def found_in_inspected(self, fraction: float) -> np.ndarray:
        """Return [r] shares of the mislabelled among the first round(fraction · n), a cut block in
        proportion.
        """
        true, every = self.true, self.every
        inspected = round(fraction * self.samples)
        # The block that the edge falls into: the first whose end reaches it.
        block = np.minimum((every[:, 1:] < inspected).sum(1), every.shape[1] - 2)
        row = np.arange(len(true))
        before, inside = every[row, block], every[row, block + 1] - every[row, block]
        share = np.clip((inspected - before) / np.maximum(inside, 1), 0.0, 1.0)
        found = true[row, block] + share * (true[row, block + 1] - true[row, block])
        recall: np.ndarray = found / true[:, -1]
        return recall


def counts_of(positions: np.ndarray) -> np.ndarray:
    """Turn drawn positions [r, n] into how often each of the n was drawn [r, n], as float64.

    >>> counts_of(np.array([[0, 0, 2]])).tolist()
    [[2.0, 0.0, 1.0]]
    """
    rows, n = positions.shape
    flat = positions + n * np.arange(rows)[:, None]
    return np.bincount(flat.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)
