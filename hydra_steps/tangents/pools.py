"""The rules of pooling; see :mod:`hydra_steps.tangents.chain`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hydra_steps.models import windows
from hydra_steps.models.pooling import AveragePool, MaxPool
from hydra_steps.tangents.rule import Dots, Pushed, Rule


def _max_pool(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    """Over 2×2 windows side by side."""
    (choice, y), sides = windows.choose_with_maxima(x), (x.shape[-2], x.shape[-1])
    shared = windows.Choice(*(part.unsqueeze(1) for part in choice))  # by all directions

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        return None if delta is None else windows.put(delta, choice, sides), windows.put(
            delta_dot, shared, sides
        )

    return Pushed(y, None if x_dot is None else windows.take(x_dot, shared), pull)


def _any_max_pool(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    """Over windows of any size and place."""
    assert isinstance(module, nn.MaxPool2d)
    settings = (module.kernel_size, module.stride, module.padding, module.dilation, module.ceil_mode)
    y, index = functional.max_pool2d(x, *settings, return_indices=True)
    place, plane = index.flatten(-2), (x.shape[-2], x.shape[-1])

    def scatter(delta: Tensor, place: Tensor) -> Tensor:
        back = delta.new_zeros(*delta.shape[:-2], plane[0] * plane[1])
        values = delta.flatten(-2)  # windows that overlap add up
        summed: Tensor = back.scatter_add_(-1, place.expand(values.shape), values).unflatten(-1, plane)
        return summed

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        return None if delta is None else scatter(delta, place), scatter(delta_dot, place.unsqueeze(1))

    if x_dot is None:
        return Pushed(y, None, pull)
    taken = x_dot.flatten(-2).gather(-1, place.unsqueeze(1).expand(*x_dot.shape[:-2], -1))
    return Pushed(y, taken.unflatten(-1, y.shape[-2:]), pull)


def _average_pool(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    sides = (x.shape[-2], x.shape[-1])

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        return None if delta is None else windows.spread(delta, sides), windows.spread(delta_dot, sides)

    return Pushed(windows.means(x), None if x_dot is None else windows.means(x_dot), pull)


def _any_average_pool(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    """Over windows of any size and place, or over a share of the sides: linear, and the way back is its adjoint."""
    images = x if x_dot is None else x_dot.flatten(0, 1)

    def adjoint(delta: Tensor) -> Tensor:
        like = x if len(delta) == len(x) else images
        if isinstance(module, nn.AvgPool2d):
            settings = (module.kernel_size, module.stride, module.padding, module.ceil_mode)
            rest = (module.count_include_pad, module.divisor_override)
            pairs = [_pair(setting) for setting in settings[:3]]
            back: Tensor = torch.ops.aten.avg_pool2d_backward(delta, like, *pairs, settings[3], *rest)
        elif delta.is_cuda:
            back = spread_by_shares(delta, like)
        else:
            back = torch.ops.aten._adaptive_avg_pool2d_backward(delta, like)
        return back

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        back = adjoint(delta_dot.flatten(0, 1)).unflatten(0, delta_dot.shape[:2])
        return None if delta is None else adjoint(delta.contiguous()), back

    y_dot = None if x_dot is None else module(images).unflatten(0, x_dot.shape[:2])
    return Pushed(module(x), y_dot, pull)


def spread_by_shares(delta: Tensor, like: Tensor) -> Tensor:
    """The adjoint of adaptive average pooling by products with the shares of each side: PyTorch's kernel for a GPU adds
    up in no fixed order."""
    down, across = (_shares(like.shape[axis], delta.shape[axis], delta) for axis in (-2, -1))
    return down.T @ delta @ across


def _shares(inputs: int, outputs: int, like: Tensor) -> Tensor:
    """[outputs, inputs]: how much of each number along a side goes into each mean."""
    numbers, means = (torch.arange(count, device=like.device) for count in (inputs, outputs))
    starts, ends = means[:, None] * inputs // outputs, -(-(means[:, None] + 1) * inputs // outputs)
    within = (starts <= numbers) & (numbers < ends)
    return within.to(like.dtype) / (ends - starts)


def _pair(setting: int | tuple[int, int]) -> tuple[int, int]:
    return (setting, setting) if isinstance(setting, int) else setting


POOLS: dict[type[nn.Module], Rule] = {
    MaxPool: _max_pool,
    nn.MaxPool2d: _any_max_pool,
    AveragePool: _average_pool,
    nn.AvgPool2d: _any_average_pool,
    nn.AdaptiveAvgPool2d: _any_average_pool,
}
