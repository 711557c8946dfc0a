"""The rate that stays."""

from __future__ import annotations

from hydra_steps.registry.decorators import schedule


@schedule("constant")
def constant(rate: float) -> float:
    """The same rate all along."""
    return rate
