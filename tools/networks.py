"""Two networks that no study here trains, built on PyTorch's meta device, where they take no memory: ResNet-50 as
published, and a decoder of 1.0 billion parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from hydra_steps.estimate.meta import measure
from hydra_steps.estimate.rates import Network

# A decoder as GPT-2's: a sample is a sequence of 2,048 tokens.
TOKENS, VOCABULARY, WIDTH, BLOCKS, HEADS = 2048, 50_257, 1792, 24, 14


@cache
def size_of(name: str) -> Network:
    """Return the size of ``resnet50`` or ``decoder``."""
    build, sample = NETWORKS[name]
    with torch.device("meta"):
        return measure(build(), sample())


class Residual(nn.Module):
    """A bottleneck of He et al., CVPR 2016, with the stride in the 3×3 convolution, as torchvision has it."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.new = nn.Sequential(
            *_normed(inputs, width, 1),
            nn.ReLU(),
            *_normed(width, width, 3, stride),
            nn.ReLU(),
            *_normed(width, outputs, 1),
        )
        self.old = nn.Identity() if inputs == outputs else nn.Sequential(*_normed(inputs, outputs, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.new(x) + self.old(x))


def resnet50() -> nn.Module:
    """ResNet-50 for images 3×224×224 of 1,000 classes."""
    layers: list[nn.Module] = [*_normed(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1)]
    inputs = 64
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for block in range(blocks):
            layers.append(Residual(inputs, width, 2 if stage and not block else 1))
            inputs = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 1000))


def _normed(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(outputs)]


class Block(nn.Module):
    """Attention and a perceptron, each behind a layer norm."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attend, self.join = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.wide, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:  # [b, tokens, width]
        heads = self.attend(self.first(x)).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(*heads, is_causal=True)
        x = x + self.join(attended.transpose(1, 2).flatten(2))
        return x + self.narrow(functional.gelu(self.wide(self.second(x))))


class Decoder(nn.Module):
    """Embeddings, blocks, and an output layer that shares the first embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(TOKENS, WIDTH)
        self.blocks, self.last = nn.Sequential(*(Block() for _ in range(BLOCKS))), nn.LayerNorm(WIDTH)

    def forward(self, tokens: Tensor) -> Tensor:  # [b, tokens] → [b, tokens, vocabulary]
        x = self.blocks(self.words(tokens) + self.places.weight)
        return functional.linear(self.last(x), self.words.weight)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor]]] = {
    "resnet50": (resnet50, lambda: torch.zeros(1, 3, 224, 224)),
    "decoder": (Decoder, lambda: torch.zeros(1, TOKENS, dtype=torch.int64)),
}
