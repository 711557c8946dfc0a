"""How layers of ``torch.nn`` are called that take or give another thing than one tensor (:mod:`tools.layer_cases`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

Call = Callable[[Any, Tensor], Tensor]


class Called(nn.Module):
    """A layer that is called otherwise than with one tensor."""

    def __init__(self, layer: nn.Module, call: Call) -> None:
        super().__init__()
        self.layer, self.call = layer, call

    def forward(self, x: Tensor) -> Tensor:
        return self.call(self.layer, x)


class Residual(nn.Sequential):
    """A sequence with a forward pass of its own."""

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = super().forward(x)
        return x + made


class Tied(nn.Module):
    """An embedding whose row for padding is trained through the layer that shares its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.back = nn.Embedding(3, 4, padding_idx=0), nn.Linear(4, 3, bias=False)
        self.back.weight = self.tokens.weight

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.back(self.tokens(x).tanh())
        return made


def tokens(x: Tensor) -> Tensor:
    return (x > 0).long() + (x > 0.3).long()


def first(layer: Any, x: Tensor) -> Tensor:
    made: Tensor = layer(x)[0]
    return made


def last_state(layer: Any, x: Tensor) -> Tensor:
    _, (states, _) = layer(x)
    made: Tensor = states[-1]
    return made


def self_attention(layer: Any, x: Tensor) -> Tensor:
    made: Tensor = layer(x, x, x)[0]
    return made


def both(layer: Any, x: Tensor) -> Tensor:
    made: Tensor = layer(x, x)
    return made


def halves(layer: Any, x: Tensor) -> Tensor:
    made: Tensor = layer(*x.chunk(2, -1))
    return made


def each(layer: Any, x: Tensor) -> Tensor:
    for part in layer.values() if isinstance(layer, nn.ModuleDict) else layer:
        x = part(x).tanh()
    return x


def weights(layer: Any, x: Tensor) -> Tensor:
    for weight in layer.values() if isinstance(layer, nn.ParameterDict) else layer:
        x = (x * weight).tanh()
    return x


def unpool(layer: Any, x: Tensor) -> Tensor:
    made: Tensor = layer(*nn.functional.max_pool2d(x, 2, return_indices=True))
    return made


def folded(layer: Any, x: Tensor) -> Tensor:
    made: Tensor = layer(nn.functional.unfold(x, 2).tanh())
    return made


def embedded(layer: Any, x: Tensor) -> Tensor:
    made: Tensor = layer(tokens(x))
    return made
