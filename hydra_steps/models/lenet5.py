"""LeNet-5 in its two common forms and between them, sized to the images (61,706 parameters at 1×28×28 and 10 classes).

``lenet5_tanh``: tanh and average pooling, a smooth training map. ``lenet5_relu``: ReLU and max pooling, which
is not. Two more, with one of each, show which of the two matters.
"""

from __future__ import annotations

from typing import Annotated

from torch import nn

from hydra_steps.errors import StudyError
from hydra_steps.models.dropout import KeyedDropout
from hydra_steps.models.layers import BatchNorm
from hydra_steps.models.pooling import AveragePool, MaxPool
from hydra_steps.registry.decorators import model

Dropout = Annotated[float, "0 <= x < 1"]


@model("lenet5_tanh", title="LeNet-5 (tanh, average pooling)")
def lenet5_tanh(
    shape: tuple[int, int, int], outputs: int, *, dropout: Dropout = 0.0, batch_norm: bool = False
) -> nn.Module:
    """LeNet-5 with tanh and average pooling: a smooth training map.

    Options:
        dropout: Chance that a hidden unit is dropped in training.
        batch_norm: Batch normalisation after the hidden layers.
    """
    return _lenet5(shape, outputs, dropout, batch_norm, nn.Tanh, AveragePool)


@model("lenet5_relu", title="LeNet-5 (ReLU, max pooling)")
def lenet5_relu(
    shape: tuple[int, int, int], outputs: int, *, dropout: Dropout = 0.0, batch_norm: bool = False
) -> nn.Module:
    """LeNet-5 with ReLU and max pooling.

    Options:
        dropout: Chance that a hidden unit is dropped in training.
        batch_norm: Batch normalisation after the hidden layers.
    """
    return _lenet5(shape, outputs, dropout, batch_norm, nn.ReLU, MaxPool)


@model("lenet5_relu_average", title="LeNet-5 (ReLU, average pooling)")
def lenet5_relu_average(shape: tuple[int, int, int], outputs: int) -> nn.Module:
    """LeNet-5 with ReLU and average pooling, between the two common forms."""
    return _lenet5(shape, outputs, 0.0, False, nn.ReLU, AveragePool)


@model("lenet5_tanh_max", title="LeNet-5 (tanh, max pooling)")
def lenet5_tanh_max(shape: tuple[int, int, int], outputs: int) -> nn.Module:
    """LeNet-5 with tanh and max pooling, between the two common forms."""
    return _lenet5(shape, outputs, 0.0, False, nn.Tanh, MaxPool)


def _lenet5(
    shape: tuple[int, int, int],
    outputs: int,
    dropout: float,
    batch_norm: bool,
    activation: type[nn.Module],
    pool: type[nn.Module],
) -> nn.Module:
    channels, height, width = shape
    if min(height, width) < 4:
        raise StudyError(
            f"LeNet-5 was given images of {height}×{width} pixels", "at least 4×4", "choose mlp or logistic"
        )
    # The second convolution is unpadded, as in the original, wherever its 5×5 kernel leaves something to pool.
    padding = 0 if min(height, width) // 2 >= 6 else 2
    rows, columns = ((side // 2 - 4 + 2 * padding) // 2 for side in (height, width))

    def norm(features: int) -> list[nn.Module]:
        return [BatchNorm(features)] if batch_norm else []

    def drop(stream: int) -> list[nn.Module]:
        return [KeyedDropout(dropout, stream)] if dropout else []

    return nn.Sequential(
        *(nn.Conv2d(channels, 6, 5, padding=2), *norm(6), activation(), pool()),
        *(nn.Conv2d(6, 16, 5, padding=padding), *norm(16), activation(), pool()),
        nn.Flatten(),
        *(nn.Linear(16 * rows * columns, 120), activation(), *drop(0)),
        *(nn.Linear(120, 84), activation(), *drop(1)),
        nn.Linear(84, outputs),
    )
