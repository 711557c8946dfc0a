"""DenseNet-40-BC (growth 12, bottleneck, reduction 0.5), as for CIFAR: 176,122 parameters at 3×32×32 and 10
classes.

Huang et al., Densely Connected Convolutional Networks, CVPR 2017: three dense blocks of six bottleneck layers, two
transitions that halve channels and resolution, global average pooling.
"""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from hydra_steps.errors import StudyError
from hydra_steps.models.dropout import KeyedDropout
from hydra_steps.models.layers import BatchNorm
from hydra_steps.registry.decorators import model

GROWTH, LAYERS_PER_BLOCK, REDUCTION = 12, 6, 0.5


class Bottleneck(nn.Module):
    """BN-ReLU-Conv1×1(4·growth)-BN-ReLU-Conv3×3(growth), concatenated to its input."""

    forward_mode = True  # all that it does besides its layers is to concatenate

    def __init__(self, channels: int, dropout: float, stream: int) -> None:
        super().__init__()
        self.new_features = nn.Sequential(
            *(BatchNorm(channels), nn.ReLU(), nn.Conv2d(channels, 4 * GROWTH, 1, bias=False)),
            *(BatchNorm(4 * GROWTH), nn.ReLU(), nn.Conv2d(4 * GROWTH, GROWTH, 3, padding=1, bias=False)),
            *([KeyedDropout(dropout, stream)] if dropout else []),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.new_features(x)], 1)


@model("densenet40", title="DenseNet-40")
def densenet40(
    shape: tuple[int, int, int], outputs: int, *, dropout: Annotated[float, "0 <= x < 1"] = 0.0
) -> nn.Module:
    """DenseNet-40-BC, for images of at least 8×8 pixels.

    Options:
        dropout: Chance that a hidden unit is dropped in training.
    """
    input_channels, height, width = shape
    if min(height, width) < 8:
        raise StudyError(f"DenseNet-40 was given images of {height}×{width} pixels", "at least 8×8")
    channels = 2 * GROWTH
    layers: list[nn.Module] = [nn.Conv2d(input_channels, channels, 3, padding=1, bias=False)]
    for block in range(3):
        for layer in range(LAYERS_PER_BLOCK):
            layers.append(Bottleneck(channels, dropout, stream=block * LAYERS_PER_BLOCK + layer))
            channels += GROWTH
        if block < 2:
            smaller = int(channels * REDUCTION)
            layers += [
                BatchNorm(channels),
                nn.ReLU(),
                nn.Conv2d(channels, smaller, 1, bias=False),
                nn.AvgPool2d(2),
            ]
            channels = smaller
    layers += [
        BatchNorm(channels),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(channels, outputs),
    ]
    return nn.Sequential(*layers)
