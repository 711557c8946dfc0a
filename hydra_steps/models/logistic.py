"""Multinomial logistic regression: one linear layer. With weight decay its training objective is strictly convex."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from torch import nn

from hydra_steps.models.registry import model


@model("logistic")
def logistic(image_shape: tuple[int, int, int], classes: int, options: Mapping[str, Any]) -> nn.Module:
    """Flatten and one linear layer."""
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(image_shape), classes))
