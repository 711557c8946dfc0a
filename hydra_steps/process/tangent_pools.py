"""The rules of pooling; see :mod:`hydra_steps.process.tangent`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hydra_steps.models.layers import AveragePool
from hydra_steps.process.tangent_rule import Dots, Pushed, Rule


def _max_pool(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    assert isinstance(module, nn.MaxPool2d)
    if _halves(module):
        return _halve(x, x_dot)
    settings = (module.kernel_size, module.stride, module.padding, module.dilation, module.ceil_mode)
    y, index = functional.max_pool2d(x, *settings, return_indices=True)
    place, plane = index.flatten(-2), x.shape[-2:]

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        return None if delta is None else _scatter(delta, place, plane), _scatter(
            delta_dot, place.unsqueeze(1), plane
        )

    if x_dot is None:
        return Pushed(y, None, pull)
    taken = x_dot.flatten(-2).gather(-1, place.unsqueeze(1).expand(*x_dot.shape[:-2], -1))
    return Pushed(y, taken.unflatten(-1, y.shape[-2:]), pull)


def _scatter(delta: Tensor, place: Tensor, plane: torch.Size) -> Tensor:
    """Cotangents of maxima put where the maxima were; windows that overlap add up."""
    back = delta.new_zeros(*delta.shape[:-2], plane.numel())
    values = delta.flatten(-2)
    return back.scatter_add_(-1, place.expand(values.shape), values).unflatten(-1, plane)


def _halves(module: nn.MaxPool2d) -> bool:
    """Whether the module takes the maximum over 2×2 windows side by side."""
    asked = (module.kernel_size, module.stride, module.padding, module.dilation)
    pairs = [value if isinstance(value, tuple) else (value, value) for value in asked]
    return pairs == [(2, 2), (2, 2), (0, 0), (1, 1)] and not module.ceil_mode


def _halve(x: Tensor, x_dot: Tensor | None) -> Pushed:
    """2×2 maxima, the tangents at them and the way back, by strided comparisons, which processors vectorise: faster
    than ``max_pool2d`` with its indices, and the same bits.

    Columns before rows, and the first unless the second is larger: of equal values ``max_pool2d`` takes the first
    in reading order too. ``lerp`` with weights 0 and 1 returns its ends unrounded.
    """
    shape = x.shape
    height, width = shape[-2] // 2 * 2, shape[-1] // 2 * 2
    left, right = x[..., :height, 0:width:2], x[..., :height, 1:width:2]
    columns = torch.maximum(left, right)
    second_column = (right - left).gt_(0)  # 0 or 1
    top, bottom = columns[..., 0::2, :], columns[..., 1::2, :]
    second_row = (bottom - top).gt_(0)
    y_dot = None
    if x_dot is not None:
        dot = x_dot[..., :height, :width]
        dot = torch.lerp(dot[..., 0::2], dot[..., 1::2], second_column.unsqueeze(1))
        y_dot = torch.lerp(dot[..., 0::2, :], dot[..., 1::2, :], second_row.unsqueeze(1))

    def spread(delta: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        whole = (height, width) == shape[-2:]
        back = (delta.new_empty if whole else delta.new_zeros)(*delta.shape[:-2], *shape[-2:])
        to_row = delta.new_empty(*delta.shape[:-2], height, width // 2)
        torch.mul(delta, rows, out=to_row[..., 1::2, :])
        torch.sub(delta, to_row[..., 1::2, :], out=to_row[..., 0::2, :])
        torch.mul(to_row, columns, out=back[..., :height, 1:width:2])
        torch.sub(to_row, back[..., :height, 1:width:2], out=back[..., :height, 0:width:2])
        return back

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        return None if delta is None else spread(delta, second_row, second_column), spread(
            delta_dot, second_row.unsqueeze(1), second_column.unsqueeze(1)
        )

    return Pushed(torch.maximum(top, bottom), y_dot, pull)


def _average_pool(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    height, width = x.shape[-2:]

    def spread(delta: Tensor) -> Tensor:
        rows, columns = delta.shape[-2:]
        whole = (height, width) == (2 * rows, 2 * columns)
        back = (delta.new_empty if whole else delta.new_zeros)(*delta.shape[:-2], height, width)
        share, upper = delta * 0.25, back[..., 0 : 2 * rows : 2, : 2 * columns]
        # Strided halves of rows, then whole rows: a copy into all windows at once takes four times as long.
        upper[..., 0::2], upper[..., 1::2] = share, share
        back[..., 1 : 2 * rows : 2, : 2 * columns] = upper
        return back

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        return None if delta is None else spread(delta), spread(delta_dot)

    return Pushed(module(x), None if x_dot is None else module(x_dot), pull)


POOLS: dict[type[nn.Module], Rule] = {nn.MaxPool2d: _max_pool, AveragePool: _average_pool}
