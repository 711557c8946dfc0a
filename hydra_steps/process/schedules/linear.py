"""A rate that falls along a line."""

from __future__ import annotations

from hydra_steps.registry.decorators import schedule


@schedule("linear")
def linear(rate: float, step: int, steps: int) -> float:
    """A rate that falls linearly from step to step, to 0 after the last one."""
    return rate * (steps - step) / steps
