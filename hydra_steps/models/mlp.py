"""A multi-layer perceptron with tanh units, optionally with batch norm and dropout."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Annotated

from torch import nn

from hydra_steps.models.dropout import KeyedDropout
from hydra_steps.models.layers import BatchNorm
from hydra_steps.registry.decorators import model


@model("mlp", title="multi-layer perceptron", article="a")
def mlp(
    shape: Sequence[int],
    outputs: int,
    *,
    hidden: Annotated[Sequence[Annotated[int, "1 <= x <= 65536"]], {"minItems": 1}] = (64,),
    dropout: Annotated[float, "0 <= x < 1"] = 0.0,
    batch_norm: bool = False,
) -> nn.Module:
    """Fully connected, with tanh units.

    Options:
        hidden: Widths of the hidden layers.
        dropout: Chance that a hidden unit is dropped in training.
        batch_norm: Batch normalisation after the hidden layers.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    width = prod(shape)
    for stream, units in enumerate(hidden):
        layers.append(nn.Linear(width, units))
        layers += [BatchNorm(units)] if batch_norm else []
        layers.append(nn.Tanh())
        layers += [KeyedDropout(dropout, stream)] if dropout else []
        width = units
    return nn.Sequential(*layers, nn.Linear(width, outputs))
