"""Layers without parameters that need no rule of their own: linear ones, and functions of each number."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

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


GENERIC: dict[type[nn.Module], Rule] = {
    **dict.fromkeys(LINEAR, _by(linear)),
    **dict.fromkeys(ELEMENTWISE, _by(elementwise)),
}
