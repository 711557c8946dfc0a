"""A rate that falls when the validation loss no longer does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from hydra_steps.registry.decorators import schedule

THRESHOLD = 1e-4  # ReduceLROnPlateau's default: a relative improvement smaller than this does not count
EPSILON = 1e-8  # nor is a smaller change of the rate made


@schedule("plateau")
def plateau(
    rate: float,
    losses: Sequence[float],
    factor: Annotated[float, "0 < x <= 1"] = 0.1,
    patience: Annotated[int, "x >= 0"] = 2,
) -> float:
    """A rate that is multiplied by a factor when the validation loss has not fallen for some epochs (PyTorch's
    ``ReduceLROnPlateau``).

    Options:
        factor: What the rate is multiplied by.
        patience: Epochs without a better validation loss before the rate is lowered.
    """
    lower = factor * rate
    return lower if _is_stuck(losses, patience) and rate - lower > EPSILON else rate


def _is_stuck(losses: Sequence[float], patience: int) -> bool:
    """Return whether the last epoch is one too many without a better loss, counted anew after each such epoch."""
    best, bad_epochs, stuck = math.inf, 0, False
    for loss in losses:
        if loss < best * (1 - THRESHOLD):
            best, bad_epochs = loss, 0
        else:
            bad_epochs += 1
        stuck = bad_epochs > patience
        if stuck:
            bad_epochs = 0
    return stuck
