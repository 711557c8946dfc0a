"""The size of a network without building it: parameters, buffers, multiplications and activations, layer by layer.

Besides the models of the registry, two that a study here cannot train but may be planned for: ``resnet50`` and
``transformer_1b``. Imports no torch; the tests hold every number against the real modules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class Network:
    """Sizes that grow with each layer, for one sample: ``multiplications`` of the forward pass, ``activations`` that
    the backward pass needs, and ``layers``, each some kernels long.
    """

    parameters: int = 0
    buffers: int = 0
    multiplications: int = 0
    activations: int = 0
    layers: int = 0

    def linear(self, inputs: int, outputs: int, rows: int = 1, bias: bool = True) -> None:
        """A linear map of ``rows`` vectors."""
        self.parameters += inputs * outputs + bias * outputs
        self.multiplications += rows * inputs * outputs
        self.activations += rows * outputs
        self.layers += 1

    def convolution(
        self, inputs: int, outputs: int, kernel: int, side: tuple[int, int], bias: bool = True
    ) -> None:
        """A convolution whose output has the sides ``side``."""
        weights = inputs * outputs * kernel**2
        self.parameters += weights + bias * outputs
        self.multiplications += weights * math.prod(side)
        self.activations += outputs * math.prod(side)
        self.layers += 1

    def norm(self, features: int, area: int = 1, running: bool = True) -> None:
        """A normalisation over the batch, with running statistics, or (not ``running``) over each vector."""
        self.parameters += 2 * features
        self.buffers += 2 * features * running
        self.pointwise(features * area)

    def pointwise(self, size: int) -> None:
        """An activation, a pooling or a sum that leaves ``size`` numbers."""
        self.activations += size
        self.layers += 1


def network(
    name: str, image_shape: tuple[int, int, int], classes: int, options: Mapping[str, Any]
) -> Network:
    """Return the size of a model by its name; KeyError for one that is not known here."""
    net = Network()
    BUILDERS[name](net, image_shape, classes, options)
    return net


def _lenet5(net: Network, shape: tuple[int, int, int], classes: int, options: Mapping[str, Any]) -> None:
    channels, height, width = shape
    padding = 0 if min(height, width) // 2 >= 6 else 2
    half = (height // 2, width // 2)
    second = (half[0] - 4 + 2 * padding, half[1] - 4 + 2 * padding)
    for inputs, outputs, side in ((channels, 6, (height, width)), (6, 16, second)):
        net.convolution(inputs, outputs, 5, side)
        if options.get("batch_norm"):
            net.norm(outputs, math.prod(side))
        net.pointwise(outputs * math.prod(side))
        net.pointwise(outputs * (side[0] // 2) * (side[1] // 2))
    for inputs, outputs in ((16 * (second[0] // 2) * (second[1] // 2), 120), (120, 84)):
        net.linear(inputs, outputs)
        net.pointwise(outputs)
    net.linear(84, classes)


def _mlp(net: Network, shape: tuple[int, int, int], classes: int, options: Mapping[str, Any]) -> None:
    width = math.prod(shape)
    for hidden in options.get("hidden", [64]):
        net.linear(width, hidden)
        if options.get("batch_norm"):
            net.norm(hidden)
        net.pointwise(hidden)
        width = hidden
    net.linear(width, classes)


def _logistic(net: Network, shape: tuple[int, int, int], classes: int, options: Mapping[str, Any]) -> None:
    net.linear(math.prod(shape), classes)


def _densenet40(net: Network, shape: tuple[int, int, int], classes: int, options: Mapping[str, Any]) -> None:
    growth, channels, (inputs, *side) = 12, 24, shape
    sides = (side[0], side[1])
    net.convolution(inputs, channels, 3, sides, bias=False)

    def normed(inputs: int, outputs: int, kernel: int) -> None:
        net.norm(inputs, math.prod(sides))
        net.pointwise(inputs * math.prod(sides))
        net.convolution(inputs, outputs, kernel, sides, bias=False)

    for block in range(3):
        for _ in range(6):
            normed(channels, 4 * growth, 1)
            normed(4 * growth, growth, 3)
            channels += growth
            net.pointwise(channels * math.prod(sides))
        if block < 2:
            normed(channels, channels // 2, 1)
            channels, sides = channels // 2, (sides[0] // 2, sides[1] // 2)
            net.pointwise(channels * math.prod(sides))
    net.norm(channels, math.prod(sides))
    net.pointwise(channels * math.prod(sides))
    net.linear(channels, classes)


def _resnet50(net: Network, shape: tuple[int, int, int], classes: int, options: Mapping[str, Any]) -> None:
    """He et al., CVPR 2016, with the stride in the 3×3 convolutions, as torchvision has it."""
    channels, height, width = shape
    side = (height // 2, width // 2)

    def normed(inputs: int, outputs: int, kernel: int, side: tuple[int, int], active: bool = True) -> None:
        net.convolution(inputs, outputs, kernel, side, bias=False)
        net.norm(outputs, math.prod(side))
        if active:
            net.pointwise(outputs * math.prod(side))

    normed(channels, 64, 7, side)
    side = (side[0] // 2, side[1] // 2)
    net.pointwise(64 * math.prod(side))
    inputs = 64
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for block in range(blocks):
            before, stride = side, 2 if stage and not block else 1
            side = (side[0] // stride, side[1] // stride)
            normed(inputs, width, 1, before)
            normed(width, width, 3, side)
            normed(width, 4 * width, 1, side, active=False)
            if not block:
                normed(inputs, 4 * width, 1, side, active=False)
            net.pointwise(4 * width * math.prod(side))
            inputs = 4 * width
    net.linear(inputs, classes)


# A decoder as GPT-2's, with 1.0 billion parameters: a sample is a sequence of 2,048 tokens.
TOKENS, VOCABULARY, WIDTH, BLOCKS = 2048, 50_257, 1792, 24


def _transformer(net: Network, shape: tuple[int, int, int], classes: int, options: Mapping[str, Any]) -> None:
    net.parameters += (VOCABULARY + TOKENS) * WIDTH  # embeddings; the output layer shares the first
    net.pointwise(TOKENS * WIDTH)
    for _ in range(BLOCKS):
        for inputs, outputs in ((WIDTH, 3 * WIDTH), (WIDTH, WIDTH), (WIDTH, 4 * WIDTH), (4 * WIDTH, WIDTH)):
            net.linear(inputs, outputs, TOKENS)
        for _ in range(2):
            net.norm(WIDTH, TOKENS, running=False)
            net.pointwise(TOKENS * WIDTH)
        net.multiplications += 2 * TOKENS**2 * WIDTH  # attention: scores, and their weighted sum
        net.pointwise(4 * TOKENS * WIDTH)
    net.norm(WIDTH, TOKENS, running=False)
    net.multiplications += TOKENS * WIDTH * VOCABULARY
    net.pointwise(TOKENS * VOCABULARY)


BUILDERS: dict[str, Callable[[Network, tuple[int, int, int], int, Mapping[str, Any]], None]] = {
    "lenet5_tanh": _lenet5,
    "lenet5_relu": _lenet5,
    "mlp": _mlp,
    "logistic": _logistic,
    "densenet40": _densenet40,
    "resnet50": _resnet50,
    "transformer_1b": _transformer,
}
