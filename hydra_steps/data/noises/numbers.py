"""Wrong numbers: all a little, a few a lot, or those of other samples."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from hydra_steps.data.clean_targets import CleanTargets, draw_touched
from hydra_steps.data.seeding import random_order
from hydra_steps.registry.decorators import noise
from hydra_steps.registry.types import Share

Deviations = Annotated[float, "x > 0"]


@noise("additive", title="moved at random", targets=("numbers",))
def additive(clean: CleanTargets, rate: Share = 0.2, scale: Deviations = 1.0) -> np.ndarray:
    """Some targets are moved by normal numbers.

    Options:
        rate: Share of the training samples whose targets are moved.
        scale: Standard deviation of the move, in standard deviations of the training targets.
    """
    targets, touched = clean.targets.copy(), draw_touched(clean, rate)
    moves = clean.stream.standard_normal((len(touched), targets.shape[1]))
    targets[touched] += scale * _spread(clean) * moves
    return targets


@noise("outliers", title="moved far away", targets=("numbers",))
def outliers(clean: CleanTargets, rate: Share = 0.05, size: Deviations = 5.0) -> np.ndarray:
    """A few targets are moved far away, up or down.

    Options:
        rate: Share of the training samples whose targets are moved.
        size: How far, in standard deviations of the training targets.
    """
    targets, touched = clean.targets.copy(), draw_touched(clean, rate)
    sides = np.where(clean.stream.random((len(touched), targets.shape[1])) < 0.5, -1.0, 1.0)
    targets[touched] += size * _spread(clean) * sides
    return targets


@noise("permuted", title="exchanged among samples", targets=("numbers",))
def permuted(clean: CleanTargets, rate: Share = 0.2) -> np.ndarray:
    """Some targets are exchanged among each other, so that the distribution of the targets stays.

    Options:
        rate: Share of the training samples that take part; each gets the target of another one.
    """
    targets, touched = clean.targets.copy(), draw_touched(clean, rate)
    if len(touched) > 1:
        ring = touched[random_order(len(touched), clean.stream)]
        targets[ring] = clean.targets[np.roll(ring, 1)]
    return targets


def _spread(clean: CleanTargets) -> np.ndarray:
    """The standard deviation of each number over the training samples [k]."""
    return clean.targets.std(axis=0, dtype=np.float64) if len(clean) else np.zeros(clean.targets.shape[1])
