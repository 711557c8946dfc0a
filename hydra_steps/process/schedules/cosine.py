"""A rate that falls like half a wave of the cosine."""

from __future__ import annotations

import math

from hydra_steps.registry.decorators import schedule


@schedule("cosine")
def cosine(rate: float, epoch: int, epochs: int) -> float:
    """A rate that falls like a cosine, to 0 after the last epoch (PyTorch's ``CosineAnnealingLR`` in its recursive
    form)."""
    ended, before = (1 + math.cos(math.pi * passed / epochs) for passed in (epoch, epoch - 1))
    return ended / before * rate
