"""Several tangents of the parameters pushed through a model's layers, and cotangents pulled back along them.

A layer's rule takes its input x [b, …] and the inputs' tangents ẋ [b, q, …], one for each direction, and gives y, ẏ and
the way back: from the cotangent δ of y and its tangents ε to those of x, and to the tangents of the parameters'
gradients w̄, b̄. This is the backward pass, differentiated forwards:

    linear, convolution    y = w ∗ x + b      ẏ = w ∗ ẋ + ẇ ∗ x + ḃ
                           δ ← wᵀ ∗ δ         ε ← wᵀ ∗ ε + ẇᵀ ∗ δ         w̄ = ε ∗ x + δ ∗ ẋ      b̄ = Σ ε
    tanh                   y = tanh x         ẏ = (1 − y²) ẋ
                           δ ← (1 − y²) δ     ε ← (1 − y²) ε − 2 y ẏ δ
    ReLU, pooling, dropout linear in x on the path that x takes: ẏ goes the way of y, and ε that of δ

With δ = (w_n/|B|) ∂ℓ_n/∂z and its tangent ε = (w_n/|B|) (∂²ℓ_n/∂z²) ż the parameters receive H u_q; without δ they
receive the Gauss–Newton product G u_q. x, y and δ are made once for all directions. The directions come after the
samples, so that [b, q, c, …] is read as b·q images by convolutions with w, and as b images of q·c channels by those
with ẇ: wide convolutions, which fill a processor's vector lanes, where one direction's few channels do not.

PyTorch's forward mode does the same for any model, one direction at a time; the tests compare the rules with it.
Index letters: b samples, q directions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from hydra_steps.models.altered import alteration
from hydra_steps.tangents.layers import LAYERS
from hydra_steps.tangents.pools import POOLS
from hydra_steps.tangents.rule import Bars, Dots, Pushed, Rule

RULES: dict[type[nn.Module], Rule] = {**LAYERS, **POOLS}


def without_rules(module: nn.Module) -> str:
    """Why ``module`` is not served by :func:`push`, in words that name the layer; empty where it is.

    It must be a layer with a rule, or a plain sequence of such: ``nn.Sequential`` itself and no class derived from it,
    whose layers are called one after the other, as their classes say, each parameter once, and are trained whole.
    """
    seen: set[int] = set()
    flat = False  # whether what comes is known to have two axes
    for name, layer in _named(module):
        if altered := alteration(layer):
            return f"{_called(name, layer)} {altered}"
        if type(layer) is nn.Sequential:
            continue
        if type(layer) not in RULES or not _has_rule_for(layer):
            return f"{_called(name, layer)} has no rule"
        if type(layer) is nn.Linear and not flat:
            return f"{_called(name, layer)} may be given more than two axes"
        flat = type(layer) is nn.Flatten or (flat and type(layer) is not nn.Conv2d)
        if not all(parameter.requires_grad for parameter in layer.parameters()):
            return f"{_called(name, layer)} is frozen"
        own = {id(parameter) for parameter in layer.parameters()}
        if own & seen:
            return f"{_called(name, layer)} is used twice, or shares a parameter"
        seen |= own
    return ""


def _named(module: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The module and, of plain sequences, all that they hold, as often as it stands there."""
    yield name, module
    if type(module) is nn.Sequential:
        for child_name, child in module._modules.items():
            if child is not None:
                yield from _named(child, f"{name}.{child_name}".strip("."))


def _called(name: str, layer: nn.Module) -> str:
    return f"{name!r} ({type(layer).__name__})"


def _has_rule_for(layer: nn.Module) -> bool:
    """Whether the rule of a layer's class serves its settings."""
    if isinstance(layer, nn.Conv2d):
        return layer.groups == 1 and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    if isinstance(layer, nn.Flatten):
        return (layer.start_dim, layer.end_dim) == (1, -1)
    return not (isinstance(layer, nn.MaxPool2d) and layer.return_indices)


def layers(module: nn.Module) -> list[nn.Module]:
    """The layers of nested sequences, in order."""
    return [layer for _, layer in _named(module) if type(layer) is not nn.Sequential]


def push(
    module: nn.Module, x: Tensor, dots: Mapping[nn.Module, Dots]
) -> tuple[Tensor, Tensor | None, Callable[[Tensor | None, Tensor], dict[nn.Module, Bars]]]:
    """y [b, …] and ẏ [b, q, …] of ``module`` at x along ``dots``, and the way back to the parameters.

    The third result maps (δ or None, ε) of y to ``bars`` by layer. Autograd is not used, and records nothing.
    """
    record: list[tuple[nn.Module, Pushed]] = []
    x_dot: Tensor | None = None
    with torch.no_grad():
        for layer in layers(module):
            pushed = RULES[type(layer)](layer, x, x_dot, dots.get(layer, {}))
            record.append((layer, pushed))
            x, x_dot = pushed.y, pushed.y_dot
    first = next((place for place, (layer, _) in enumerate(record) if layer in dots), len(record))

    @torch.no_grad()
    def pull(delta: Tensor | None, delta_dot: Tensor) -> dict[nn.Module, Bars]:
        bars: dict[nn.Module, Bars] = {}
        for place in range(len(record) - 1, first - 1, -1):
            layer, pushed = record[place]
            if pushed.bars is not None:
                bars[layer] = pushed.bars(delta, delta_dot)
            if place > first:
                delta, delta_dot = pushed.pull(delta, delta_dot)
        return bars

    return x, x_dot, pull
