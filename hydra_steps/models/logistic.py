"""Multinomial logistic regression: one linear layer. With weight decay its training objective is strictly convex."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from torch import nn

from hydra_steps.registry.decorators import model


@model("logistic", title="logistic regression")
def logistic(shape: Sequence[int], outputs: int) -> nn.Module:
    """One linear layer."""
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), outputs))
