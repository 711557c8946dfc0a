"""What the ground truth itself can bear: how well two draws of it agree, and what a score can reach against it.

    reliability   r = mean Spearman correlation over groups of the real changes in two draws (another start by a hair,
                  or another seed); of a truth that is the mean over m draws, m r / (1 + (m − 1) r) (Spearman–Brown)
    ceiling       √r, the expected correlation of a perfect score with one such truth: 0 where r is below

Intervals over groups, 95 %, of the correlations by :mod:`hydra_steps.evaluation.group_intervals`. Torch-free.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from hydra_steps.evaluation.correlation import spearman
from hydra_steps.evaluation.effects import Design, each_and_all
from hydra_steps.evaluation.group_intervals import correlation_interval, leave_out
from hydra_steps.tables.seed_intervals import NOWHERE


def truth_limits(design: Design) -> Iterator[dict[str, Any]]:
    """Yield rows (metric, query, n, value, ci_low, ci_high) of a design whose truth was drawn more than once."""
    draws, groups, _ = design.draws.shape
    if draws < 2 or groups < 2:
        return
    averaged = draws if design.from_seeds else 1
    changes = np.moveaxis(design.draws, 2, 1)  # [d, q, r]
    single = _agreement(changes)
    left = leave_out(lambda kept: _agreement(changes[..., kept]), groups)
    for query, columns in each_and_all(design.queries):
        own = single[columns]
        if not np.isfinite(own).all():
            continue
        ends = np.array(correlation_interval(float(own.mean()), left[:, columns], groups, ranks=True))
        for metric, function in (("reliability", of_mean), ("ceiling", ceiling)):
            value = float(function(own, averaged).mean())
            low, high = function(ends, averaged) if np.isfinite(ends).all() else NOWHERE
            low, high = min(float(low), value), max(float(high), value)
            yield {
                "metric": metric,
                "query": query,
                "n": groups,
                "value": value,
                "ci_low": low,
                "ci_high": high,
            }


def of_mean(single: np.ndarray, draws: int) -> np.ndarray:
    """The reliability of the mean over ``draws``, from that of a single one; none is below 0 but a single one's.

    >>> float(of_mean(np.array([0.5]), 3)[0])
    0.75
    """
    if draws == 1:
        return single
    positive = np.maximum(single, 0.0)
    return np.asarray(draws * positive / (1 + (draws - 1) * positive))


def ceiling(single: np.ndarray, draws: int) -> np.ndarray:
    """√ of the reliability of the mean over ``draws``.

    >>> float(ceiling(np.array([0.25]), 1)[0])
    0.5
    """
    return np.asarray(np.sqrt(np.maximum(of_mean(single, draws), 0.0)))


def _agreement(changes: np.ndarray) -> np.ndarray:
    """The mean Spearman correlation [q] over all pairs of draws, of changes [d, q, r]."""
    pairs = [spearman(changes[i], changes[j]) for i, j in combinations(range(len(changes)), 2)]
    return np.asarray(np.mean(pairs, 0))
