"""The rules of smooth activations, from their first and second derivative; see :mod:`hydra_steps.tangents.chain`.

y = f(x)      ẏ = f′(x) ẋ      δ ← f′(x) δ      ε ← f′(x) ε + f″(x) ẋ δ
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from hydra_steps.tangents.rule import Dots, Pushed, Rule

Slopes = Callable[[Tensor], tuple[Tensor, Tensor]]  # x → f′(x), f″(x)


def _smooth(slopes: Slopes) -> Rule:
    def rule(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
        return smooth(module(x), slopes, x, x_dot)

    return rule


def smooth(y: Tensor, slopes: Slopes, x: Tensor, x_dot: Tensor | None) -> Pushed:
    """The rule of an activation whose output at x is ``y``."""
    first, second = slopes(x)

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        back = delta_dot * first.unsqueeze(1)
        if delta is None or x_dot is None:
            return None, back
        return delta * first, back.addcmul_((delta * second).unsqueeze(1), x_dot)

    return Pushed(y, None if x_dot is None else x_dot * first.unsqueeze(1), pull)


def gelu_slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    """Of x Φ(x), Φ the normal distribution: Φ + x φ and (2 − x²) φ."""
    density = torch.exp(x.square() * -0.5).mul_(1 / math.sqrt(2 * math.pi))
    below = torch.special.ndtr(x)
    return torch.addcmul(below, x, density), (2 - x.square()).mul_(density)


def _silu_slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    """Of x s, s the logistic function: s (1 + x (1 − s)) and s (1 − s) (2 + x (1 − 2 s))."""
    s = torch.sigmoid(x)
    return s * (1 + x * (1 - s)), s * (1 - s) * (2 + x * (1 - 2 * s))


def _sigmoid_slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    s = torch.sigmoid(x)
    first = s * (1 - s)
    return first, first * (1 - 2 * s)


def is_plain(module: nn.Module) -> bool:
    """Whether the settings of an activation are those that its rule is for."""
    return not isinstance(module, nn.GELU) or module.approximate == "none"


ACTIVATIONS: dict[type[nn.Module], Rule] = {
    nn.GELU: _smooth(gelu_slopes),
    nn.SiLU: _smooth(_silu_slopes),
    nn.Sigmoid: _smooth(_sigmoid_slopes),
}
