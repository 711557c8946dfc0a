"""Which training samples helped and harmed a query most, and which samples are worth their space on a page.

Index letters: q queries, s sides (0 helped, 1 harmed), k places of a list, n training samples, e epochs.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

NONE = np.uint32(2**32 - 1)  # an empty place of a list
HELPED, HARMED = 0, 1


def extreme_samples(contribution: np.ndarray, top: int, signed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the ``top`` samples at both ends of each row [q, n]: positions uint32 and values float32 [q, s, k].

    Largest first on the side of the helped, smallest first on the other; ties in the order of the samples. Where
    ``signed`` only positive contributions help and only negative ones harm; scores that only rank have no sign, and
    there each side takes at most half of the samples. Places without a sample hold ``NONE`` and NaN, as do
    samples without a finite value.

    >>> [side.tolist() for side in extreme_samples(np.array([[3.0, -1.0, 2.0]]), 1, True)]
    [[[[0], [1]]], [[[3.0], [-1.0]]]]
    """
    queries, _ = contribution.shape
    positions = np.full((queries, 2, top), NONE, dtype=np.uint32)
    values = np.full((queries, 2, top), np.nan, dtype=np.float32)
    for q, row in enumerate(contribution):
        finite = np.flatnonzero(np.isfinite(row))
        for side, key in ((HELPED, -row[finite]), (HARMED, row[finite])):
            best = finite[_lowest(key, top if signed else min(top, len(finite) // 2))]
            if signed:
                best = best[row[best] > 0] if side == HELPED else best[row[best] < 0]
            positions[q, side, : len(best)] = best
            values[q, side, : len(best)] = row[best]
    return positions, values


def _lowest(key: np.ndarray, count: int) -> np.ndarray:
    """Positions of the ``count`` lowest keys in order, ties by position: a partial sort, as only few are wanted."""
    if count < len(key):
        threshold = np.partition(key, count)[count]
        candidates = np.flatnonzero(key <= threshold)
    else:
        candidates = np.arange(len(key))
    return candidates[np.argsort(key[candidates], kind="stable")][:count]


def listed_epochs(by_epoch: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return the contributions by epoch of the listed samples [q, s, k, e] from those of all [e, q, n]; 0 at empty
    places."""
    empty = positions == NONE
    safe = np.where(empty, 0, positions).astype(np.int64)
    rows = np.arange(len(positions))[:, None, None]
    found = by_epoch[:, rows, safe].astype(np.float32)  # [e, q, s, k]
    found[:, empty] = 0
    return np.moveaxis(found, 0, -1)


def most_listed(lists: Iterable[np.ndarray], samples: int) -> np.ndarray:
    """Return the samples that stand in the lists (any shapes), the most often listed first, then by position.

    >>> most_listed([np.array([2, 0]), np.array([2, 1])], 3).tolist()
    [2, 0, 1]
    """
    flat = [part.ravel() for part in lists]
    everyone = np.concatenate(flat) if flat else np.zeros(0, dtype=np.uint32)
    counts = np.bincount(everyone[everyone != NONE].astype(np.int64), minlength=samples)
    order = np.argsort(-counts, kind="stable")
    return order[: int((counts > 0).sum())]
