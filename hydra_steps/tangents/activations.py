"""The rules of smooth activations, from their first and second derivative; see :mod:`hydra_steps.tangents.chain`.

y = f(x)      ẏ = f′(x) ẋ      δ ← f′(x) δ      ε ← f′(x) ε + f″(x) ẋ δ
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from hydra_steps.tangents.rule import Dots, Pushed, Rule

Slope = Callable[[Tensor], Tensor]  # x → f′(x), or f″(x)


def _smooth(first: Slope, second: Slope) -> Rule:
    def rule(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
        return smooth(module(x), first, second, x, x_dot)

    return rule


def smooth(y: Tensor, first: Slope, second: Slope, x: Tensor, x_dot: Tensor | None) -> Pushed:
    """The rule of an activation whose output at x is ``y``."""
    slope = first(x)

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        back = delta_dot * slope.unsqueeze(1)
        if delta is None or x_dot is None:
            return None, back
        return delta * slope, back.addcmul_((delta * second(x)).unsqueeze(1), x_dot)

    return Pushed(y, None if x_dot is None else x_dot * slope.unsqueeze(1), pull)


def gelu(x: Tensor, x_dot: Tensor | None) -> Pushed:
    """The rule of x Φ(x), Φ the normal distribution."""
    return smooth(functional.gelu(x), _gelu_first, _gelu_second, x, x_dot)


def _gelu_first(x: Tensor) -> Tensor:
    """Φ + x φ, in one kernel."""
    slope: Tensor = torch.ops.aten.gelu_backward(torch.ones_like(x), x)
    return slope


def _gelu_second(x: Tensor) -> Tensor:
    """(2 − x²) φ."""
    square = x.square()
    density = torch.exp(square * -0.5)
    return square.sub_(2).mul_(density).mul_(-1 / math.sqrt(2 * math.pi))


def _silu_first(x: Tensor) -> Tensor:
    """s (1 + x (1 − s)), s the logistic function."""
    s = torch.sigmoid(x)
    return s * (1 + x * (1 - s))


def _silu_second(x: Tensor) -> Tensor:
    """s (1 − s) (2 + x (1 − 2 s))."""
    s = torch.sigmoid(x)
    return s * (1 - s) * (2 + x * (1 - 2 * s))


def _sigmoid_first(x: Tensor) -> Tensor:
    s = torch.sigmoid(x)
    return s * (1 - s)


def _sigmoid_second(x: Tensor) -> Tensor:
    s = torch.sigmoid(x)
    return s * (1 - s) * (1 - 2 * s)


ACTIVATIONS: dict[type[nn.Module], Rule] = {
    nn.GELU: _smooth(_gelu_first, _gelu_second),
    nn.SiLU: _smooth(_silu_first, _silu_second),
    nn.Sigmoid: _smooth(_sigmoid_first, _sigmoid_second),
}
