"""A rate that rises once and falls for the rest of the training."""

from __future__ import annotations

import math
from typing import Annotated

from hydra_steps.registry.decorators import schedule


@schedule("one_cycle")
def one_cycle(
    rate: float,
    step: int,
    steps: int,
    rise: Annotated[float, "0 < x < 1"] = 0.3,
    start: Annotated[float, "x > 1"] = 25.0,
    end: Annotated[float, "x >= 1"] = 1e4,
) -> float:
    """A rate that rises from step to step to its highest and falls again (PyTorch's ``OneCycleLR``, the momentum left
    as it is); the learning rate is the highest.

    Options:
        rise: Share of the steps in which the rate rises.
        start: The first rate is the highest divided by this.
        end: The last rate is the first divided by this.
    """
    first = rate / start
    last, top = first / end, rise * steps - 1
    if top > 0 and step <= top:
        return _wave(first, rate, step / top)
    return _wave(rate, last, (step - top) / (steps - 1 - top))


def _wave(begin: float, end: float, share: float) -> float:
    """Return the value between two ends at a share of half a wave of the cosine."""
    return end + (begin - end) / 2.0 * (math.cos(math.pi * share) + 1)
