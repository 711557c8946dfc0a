"""2×2 windows side by side: their maxima and means, and the ways back, by strided comparisons and sums.

Processors vectorise these, and not ``max_pool2d`` with its indices or ``avg_pool2d``: they take two to ten times as
long. Rows are joined before columns: whole rows are read in order, and the strided halves of rows only of half the
data. All maps work on the last two axes […, h, w]; an odd last row or column belongs to no window.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Choice(NamedTuple):
    """The place of each window's maximum: ``lower`` […, h/2, w] of each column's two values, ``right`` [… h/2, w/2] of
    its two columns; 0 or 1, in the data's type.
    """

    lower: Tensor
    right: Tensor


def _rows(x: Tensor) -> tuple[Tensor, Tensor]:
    height, width = x.shape[-2] // 2 * 2, x.shape[-1] // 2 * 2
    return x[..., 0:height:2, :width], x[..., 1:height:2, :width]


def _columns(rows: Tensor) -> tuple[Tensor, Tensor]:
    return rows[..., 0::2], rows[..., 1::2]


def maxima(x: Tensor) -> Tensor:
    """The maximum of each window, […, h, w] → […, ⌊h/2⌋, ⌊w/2⌋].

    >>> maxima(torch.arange(16.0).reshape(1, 1, 4, 4))
    tensor([[[[ 5.,  7.],
              [13., 15.]]]])
    """
    return torch.maximum(*_columns(torch.maximum(*_rows(x))))


def choose(x: Tensor) -> Choice:
    """Where the maxima are. Among equal values ``max_pool2d`` takes the first in reading order: of two columns as large
    the left one, unless its maximum is in the lower row and the right one's in the upper.
    """
    return _choose(x)[0]


def choose_with_maxima(x: Tensor) -> tuple[Choice, Tensor]:
    """:func:`choose` and :func:`maxima`, for little more than the first."""
    choice, left, right = _choose(x)
    return choice, torch.maximum(left, right)


def _choose(x: Tensor) -> tuple[Choice, Tensor, Tensor]:
    """The choice, and the maxima of the windows' left and right columns."""
    top, bottom = _rows(x)
    lower = (bottom - top).gt_(0)
    left, right = _columns(torch.maximum(top, bottom))
    lower_left, lower_right = _columns(lower)
    ahead = (right - left).sign_().mul_(2).add_(lower_left).sub_(lower_right)
    return Choice(lower, ahead.gt_(0)), left, right


def take(x: Tensor, choice: Choice) -> Tensor:
    """The selected value of each window of x […, h, w]. ``lerp`` with weights 0 and 1 returns its ends unrounded."""
    return torch.lerp(*_columns(torch.lerp(*_rows(x), choice.lower)), choice.right)


def put(values: Tensor, choice: Choice, sides: tuple[int, int]) -> Tensor:
    """The adjoint of :func:`take`: values […, h/2, w/2] at the selected places of zeros […, *sides]."""
    rows = values.new_empty(*values.shape[:-1], 2 * values.shape[-1])
    left, right = _columns(rows)
    torch.mul(values, choice.right, out=right)
    torch.sub(values, right, out=left)
    whole = _windows(values, sides)
    top, bottom = _rows(whole)
    torch.mul(rows, choice.lower, out=bottom)
    torch.sub(rows, bottom, out=top)
    return whole


def means(x: Tensor) -> Tensor:
    """The mean of each window, […, h, w] → […, ⌊h/2⌋, ⌊w/2⌋].

    >>> means(torch.arange(16.0).reshape(1, 1, 4, 4))
    tensor([[[[ 2.5000,  4.5000],
              [10.5000, 12.5000]]]])
    """
    top, bottom = _rows(x)
    left, right = _columns(top + bottom)
    return (left + right) * 0.25


def spread(values: Tensor, sides: tuple[int, int]) -> Tensor:
    """The adjoint of :func:`means`: a quarter of each value [..., h/2, w/2] at its window's four places […, *sides]."""
    whole, share = _windows(values, sides), values * 0.25
    top, bottom = _rows(whole)
    # Strided halves of rows, then whole rows: a copy into all windows at once takes four times as long.
    for column in _columns(top):
        column.copy_(share)
    bottom.copy_(top)
    return whole


def _windows(values: Tensor, sides: tuple[int, int]) -> Tensor:
    """Room for the windows of ``values``; zeros where an odd row or column is left over."""
    covered = (2 * values.shape[-2], 2 * values.shape[-1]) == tuple(sides)
    return (values.new_empty if covered else values.new_zeros)(*values.shape[:-2], *sides)
