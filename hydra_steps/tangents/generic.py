"""Layers that need no rule of their own: linear ones, functions of each number, and small ones that go twice backward
by themselves, amid the rules of the others.

The last takes more passes than a rule, through a layer that is a small part of a model's work: none has a matrix.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from hydra_steps.tangents.activations import ACTIVATIONS
from hydra_steps.tangents.moving import Made, Moving, elementwise, linear
from hydra_steps.tangents.rule import Dots, Pushed, Rule

LINEAR: tuple[type[nn.Module], ...] = (
    *(nn.Unflatten, nn.Unfold, nn.Fold, nn.PixelShuffle, nn.PixelUnshuffle, nn.ChannelShuffle),
    *(nn.AvgPool1d, nn.AvgPool3d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool3d),
    *(nn.Upsample, nn.UpsamplingNearest2d, nn.UpsamplingBilinear2d),
    *(nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d, nn.CircularPad1d, nn.CircularPad2d, nn.CircularPad3d),
    *(nn.ReflectionPad1d, nn.ReflectionPad2d, nn.ReflectionPad3d),
    *(nn.ReplicationPad1d, nn.ReplicationPad2d, nn.ReplicationPad3d),
)
# Those that PyTorch differentiates twice.
ELEMENTWISE: tuple[type[nn.Module], ...] = (
    *(
        nn.ELU,
        nn.CELU,
        nn.SELU,
        nn.LeakyReLU,
        nn.Softplus,
        nn.Mish,
        nn.LogSigmoid,
        nn.Softsign,
        nn.Tanhshrink,
    ),
    *(nn.Softshrink, nn.Hardshrink, nn.Hardtanh, nn.ReLU6, nn.Threshold),
)


def _by(made_of: Callable[[Callable[[Tensor], Tensor], Moving], Made]) -> Rule:
    def rule(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
        made = made_of(module, Moving(x, x_dot))
        return Pushed(made.value.y, made.value.y_dot, lambda d, e: made.back(d, e)[0])

    return rule


BY_ITSELF: tuple[type[nn.Module], ...] = (
    *(nn.Softmax, nn.Softmax2d, nn.Softmin, nn.LogSoftmax, nn.GLU, nn.PReLU, nn.Hardswish),
    *(nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d, nn.RMSNorm, nn.LocalResponseNorm),
    *(nn.MaxPool1d, nn.MaxPool3d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
    *(nn.LPPool1d, nn.LPPool2d, nn.LPPool3d, nn.ConstantPad1d, nn.ConstantPad2d, nn.ConstantPad3d),
)


def by_itself(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    """The tangents are a derivative of the pull-back, which is linear in its cotangent: ẏ = ∂⟨u, Jᵀ v⟩/∂v."""
    names = list(dots)
    if x_dot is None and not names:
        return Pushed(module(x), None, lambda d, e: (d, e))  # nothing moves
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        inputs = [leaf, *(getattr(module, name).detach().requires_grad_() for name in names)]
        y = _called(module, dict(zip(names, inputs[1:], strict=True)), leaf)
        cotangent = torch.zeros_like(y).requires_grad_()
        pulled = torch.autograd.grad(y, inputs, cotangent, create_graph=True)
    moving = [dot.unbind() for dot in dots.values()]
    count = len(moving[0]) if moving else 0 if x_dot is None else x_dot.shape[1]
    still = torch.zeros_like(x)

    def moved(place: int) -> list[Tensor]:
        return [still if x_dot is None else x_dot[:, place], *(rows[place] for rows in moving)]

    def pull_back(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, list[Tensor]]:
        """δ of x, and ε of x and of each parameter, [q, …]."""
        gradients: list[Tensor] = []
        if delta is not None:
            with torch.enable_grad():
                gradients = list(torch.autograd.grad(y, inputs, delta, create_graph=True))
        rows = [
            _derivatives([y, *gradients], inputs, [delta_dot[:, q], *moved(q)[: len(gradients)]])
            for q in range(count)
        ]
        return gradients[0].detach() if gradients else None, [torch.stack(c) for c in zip(*rows, strict=True)]

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        d, (e, *_) = pull_back(delta, delta_dot)
        return d, e.transpose(0, 1)

    def bars(delta: Tensor | None, delta_dot: Tensor) -> dict[str, Tensor]:
        _, (_, *found) = pull_back(delta, delta_dot)
        return dict(zip(names, found, strict=True))

    y_dot = [_derivatives(list(pulled), [cotangent], moved(q))[0] for q in range(count)]
    return Pushed(y.detach(), torch.stack(y_dot, 1) if count else None, pull, bars if names else None)


def _called(module: nn.Module, own: dict[str, Tensor], x: Tensor) -> Tensor:
    """The layer's output with other parameters."""
    before = {name: getattr(module, name) for name in own}
    try:
        for name, value in own.items():
            setattr(module, name, value)
        made: Tensor = module(x)
    finally:
        for name, value in before.items():
            setattr(module, name, value)
    return made


def _derivatives(outputs: list[Tensor], inputs: list[Tensor], cotangents: list[Tensor]) -> list[Tensor]:
    """The pull-back; zeros for what nothing depends on. The graph is kept."""
    moved = [(y, bar) for y, bar in zip(outputs, cotangents, strict=True) if y.requires_grad]
    if not moved:
        return [torch.zeros_like(x) for x in inputs]
    ys, bars = zip(*moved, strict=True)
    options = {"retain_graph": True, "allow_unused": True, "materialize_grads": True}
    return [found.detach() for found in torch.autograd.grad(ys, inputs, bars, **options)]


def _gelu(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    """Its form by tanh has no rule of its own."""
    plain = isinstance(module, nn.GELU) and module.approximate == "none"
    return (ACTIVATIONS[nn.GELU] if plain else _by(elementwise))(module, x, x_dot, dots)


GENERIC: dict[type[nn.Module], Rule] = {
    **dict.fromkeys(LINEAR, _by(linear)),
    **dict.fromkeys(ELEMENTWISE, _by(elementwise)),
    **dict.fromkeys(BY_ITSELF, by_itself),
    nn.GELU: _gelu,
}
