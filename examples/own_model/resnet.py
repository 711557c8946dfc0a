"""A residual network as one writes it: nothing of hydra_steps is in this file."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Unit(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)])
        self.short = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.norms[0](self.first(x)))
        y = self.norms[1](self.second(y))
        y += x if self.short is None else self.short(x)
        return functional.relu(y)


class ResNet(nn.Module):
    """Three stages of two units each, for images of any size and number of channels."""

    def __init__(self, shape: tuple[int, int, int], outputs: int, width: int = 32) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(shape[0], width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        sizes = [(width, width, 1), (width, 2 * width, 2), (2 * width, 4 * width, 2)]
        self.units = nn.ModuleList(
            unit for a, b, stride in sizes for unit in (Unit(a, b, stride), Unit(b, b, 1))
        )
        self.head = nn.Linear(4 * width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for unit in self.units:
            x = unit(x)
        x = functional.adaptive_avg_pool2d(x, 1)
        return self.head(x.view(x.size(0), -1))


class Watched(ResNet):
    """The same, that looks at its numbers first: what it does depends on the data, and no recording can show that."""

    def forward(self, x: Tensor) -> Tensor:
        if not torch.isfinite(x).all():
            raise ValueError("an image holds values that are no numbers")
        return super().forward(x)
