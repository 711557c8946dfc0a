"""A multi-layer perceptron with tanh units, optionally with batch norm and dropout."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from torch import nn

from hydra_steps.models.layers import BatchNorm, KeyedDropout
from hydra_steps.models.registry import model


@model("mlp")
def mlp(image_shape: tuple[int, int, int], classes: int, options: Mapping[str, Any]) -> nn.Module:
    """Hidden layers of ``options['hidden']`` tanh units each."""
    layers: list[nn.Module] = [nn.Flatten()]
    width, dropout = prod(image_shape), float(options.get("dropout", 0.0))
    for stream, hidden in enumerate(options.get("hidden", [64])):
        layers.append(nn.Linear(width, hidden))
        layers += [BatchNorm(hidden)] if options.get("batch_norm", False) else []
        layers.append(nn.Tanh())
        layers += [KeyedDropout(dropout, stream)] if dropout else []
        width = hidden
    return nn.Sequential(*layers, nn.Linear(width, classes))
