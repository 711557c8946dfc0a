"""Values between layers, and what operations on them make of their tangents.

A value of the samples is y [b, …] with tangents ẏ [b, q, …]; one that is ``free`` of the samples, such as a position's
parameters, y […] with ẏ [q, …]. Both join in a sum or a product, where the free one has its axes put under the other's
last. Index letters: b samples, q directions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from hydra_steps.tangents.attention import heads_mixed, through_softmax


class Moving(NamedTuple):
    """A value and its tangents (None for zero), and whether it is free of the samples."""

    y: Tensor
    y_dot: Tensor | None
    free: bool = False

    @property
    def axis(self) -> int:
        """The directions' axis in the tangents."""
        return 0 if self.free else 1


# Of (δ or None, ε) of what was made, those of each value that it was made of, laid out as the value is.
Cotangents = Sequence[tuple[Tensor | None, Tensor]]
Back = Callable[[Tensor | None, Tensor], Cotangents]


class Made(NamedTuple):
    """What an operation made, and the way back to the values that it was given."""

    value: Moving
    back: Back


def linear(act: Callable[[Tensor], Tensor], x: Moving) -> Made:
    """A function that is linear and leaves the samples apart, mapped over the directions."""
    y, pull, *_ = torch.func.vjp(act, x.y)

    def back(delta: Tensor | None, delta_dot: Tensor) -> Cotangents:
        e = torch.vmap(lambda one: pull(one)[0], x.axis, x.axis)(delta_dot)
        return [(None if delta is None else pull(delta)[0], e)]

    y_dot = None if x.y_dot is None else torch.vmap(act, x.axis, x.axis)(x.y_dot)
    return Made(Moving(y, y_dot, x.free), back)


def elementwise(act: Callable[[Tensor], Tensor], x: Moving) -> Made:
    """A function of each number by itself, by its first and second derivative."""
    with torch.enable_grad():
        leaf = x.y.detach().requires_grad_()
        y = act(leaf)
        (first,) = torch.autograd.grad(y.sum(), leaf, create_graph=True)
        second = torch.autograd.grad(first.sum(), leaf)[0] if first.requires_grad else torch.zeros_like(first)
    slope, bend = first.detach(), second.detach()

    def back(delta: Tensor | None, delta_dot: Tensor) -> Cotangents:
        e = delta_dot * slope.unsqueeze(x.axis)
        if delta is None:
            return [(None, e)]
        if x.y_dot is not None:
            e = e.addcmul((delta * bend).unsqueeze(x.axis), x.y_dot)
        return [(delta * slope, e)]

    y_dot = None if x.y_dot is None else x.y_dot * slope.unsqueeze(x.axis)
    return Made(Moving(y.detach(), y_dot, x.free), back)


def summed(y: Tensor, terms: Sequence[tuple[Moving, int]]) -> Made:
    """The sum ``y`` of values with signs, and of numbers that do not move."""
    free = all(term.free for term, _ in terms)
    y_dot = None
    for term, sign in terms:
        if term.y_dot is not None:
            dot = _lifted(term, term.y_dot, y.ndim, free) * sign
            y_dot = dot if y_dot is None else y_dot + dot

    def back(delta: Tensor | None, delta_dot: Tensor) -> Cotangents:
        found = [_lowered(term, delta, delta_dot, free) for term, _ in terms]
        signs = [sign for _, sign in terms]
        return [
            (None if d is None else d * sign, e * sign) for (d, e), sign in zip(found, signs, strict=True)
        ]

    return Made(Moving(y, _spread(y_dot, y, free), free), back)


def product(u: Moving, v: Moving) -> Made:
    """y = u v: ẏ = u̇ v + u v̇, δ_u = v δ, ε_u = v ε + v̇ δ."""
    y, free = u.y * v.y, u.free and v.free
    axis = 0 if free else 1

    def wide(value: Moving) -> Tensor:
        return _lifted(value, value.y.unsqueeze(value.axis), y.ndim, free)

    def dot(value: Moving) -> Tensor | None:
        return None if value.y_dot is None else _lifted(value, value.y_dot, y.ndim, free)

    y_dot = None
    for own, other in ((u, v), (v, u)):
        moved = dot(own)
        if moved is not None:
            y_dot = moved * wide(other) if y_dot is None else y_dot + moved * wide(other)

    def back(delta: Tensor | None, delta_dot: Tensor) -> Cotangents:
        found = []
        for own, other in ((u, v), (v, u)):
            e, other_dot = delta_dot * wide(other), dot(other)
            if delta is not None and other_dot is not None:
                e = e + delta.unsqueeze(axis) * other_dot
            found.append(_lowered(own, None if delta is None else delta * other.y, e, free))
        return found

    return Made(Moving(y, _spread(y_dot, y, free), free), back)


def matrix_product(u: Moving, v: Moving) -> Made:
    """Of matrices [b, …, i, j] and [b, …, j, k]."""
    if u.free or v.free or u.y.ndim != v.y.ndim or u.y.ndim < 3 or u.y.shape[:-2] != v.y.shape[:-2]:
        raise ValueError("no rule for a product of matrices that are not both of the samples")
    a, b = u.y.unsqueeze(1), v.y.unsqueeze(1)
    parts = [
        part
        for part in (
            None if u.y_dot is None else u.y_dot @ b,
            None if v.y_dot is None else a @ v.y_dot,
        )
        if part is not None
    ]
    y_dot = parts[0] if len(parts) == 1 else parts[0] + parts[1] if parts else None

    def back(delta: Tensor | None, delta_dot: Tensor) -> Cotangents:
        of_u, of_v = delta_dot @ b.mT, a.mT @ delta_dot
        if delta is None:
            return [(None, of_u), (None, of_v)]
        d = delta.unsqueeze(1)
        of_u = of_u if v.y_dot is None else of_u + d @ v.y_dot.mT
        of_v = of_v if u.y_dot is None else of_v + u.y_dot.mT @ d
        return [(delta @ v.y.mT, of_u), (u.y.mT @ delta, of_v)]

    return Made(Moving(u.y @ v.y, y_dot), back)


def softmax(x: Moving, axis: int) -> Made:
    """Along an axis that is not the samples'."""
    last = axis - x.y.ndim if axis >= 0 else axis
    a = x.y.softmax(last)
    wide = a.unsqueeze(x.axis)
    a_dot = None if x.y_dot is None else through_softmax(wide, x.y_dot, last)

    def back(delta: Tensor | None, delta_dot: Tensor) -> Cotangents:
        if delta is None:
            return [(None, through_softmax(wide, delta_dot, last))]
        above = delta - (a * delta).sum(last, keepdim=True)
        e = through_softmax(wide, delta_dot, last)
        if a_dot is not None:
            d = delta.unsqueeze(x.axis)
            e = e + a_dot * above.unsqueeze(x.axis) - wide * (a_dot * d).sum(last, keepdim=True)
        return [(a * above, e)]

    return Made(Moving(a, a_dot, x.free), back)


def attended(q: Moving, k: Moving, v: Moving, mask: Tensor | None) -> Made:
    """``scaled_dot_product_attention`` of [b, h, l, d]; ``mask`` [l, l] is true where a place is not looked at."""
    given = (q, k, v)
    count = next(part.y_dot.shape[1] for part in given if part.y_dot is not None)
    dots = [
        part.y.new_zeros(()).expand(len(part.y), part.y.shape[1], count, *part.y.shape[2:])
        if part.y_dot is None
        else part.y_dot.transpose(1, 2)
        for part in given
    ]
    y, y_dot, pull = heads_mixed([part.y.unsqueeze(2) for part in given], dots, mask)

    def back(delta: Tensor | None, delta_dot: Tensor) -> Cotangents:
        first, moved = pull(None if delta is None else delta.unsqueeze(2), delta_dot.transpose(1, 2))
        return [
            (None if d is None else d.squeeze(2), e.transpose(1, 2))
            for d, e in zip(first, moved, strict=True)
        ]

    return Made(Moving(y.squeeze(2), y_dot.transpose(1, 2)), back)


def joined(parts: Sequence[Moving], axis: int) -> Made:
    """Values side by side along ``axis``, which is not the samples'."""
    sizes = [part.y.shape[axis] for part in parts]
    y = torch.cat([part.y for part in parts], axis)
    free, last = all(part.free for part in parts), axis - y.ndim if axis >= 0 else axis
    moved = [None if part.y_dot is None else _lifted(part, part.y_dot, y.ndim, free) for part in parts]
    count = next((dot.shape[0 if free else 1] for dot in moved if dot is not None), 0)
    y_dot = None
    if count:
        each = [
            part.y.new_zeros(()).expand(_of_directions(part.y, count, free)) if dot is None else dot
            for part, dot in zip(parts, moved, strict=True)
        ]
        y_dot = torch.cat(
            [dot.expand(_of_directions(part.y, count, free)) for part, dot in zip(parts, each, strict=True)],
            last,
        )

    def back(delta: Tensor | None, delta_dot: Tensor) -> Cotangents:
        d = [None] * len(sizes) if delta is None else delta.split(sizes, last)
        e = delta_dot.split(sizes, last)
        return [_lowered(part, one, other, free) for part, one, other in zip(parts, d, e, strict=True)]

    return Made(Moving(y, y_dot, free), back)


def _of_directions(y: Tensor, count: int, free: bool) -> tuple[int, ...]:
    return (count, *y.shape) if free else (len(y), count, *y.shape[1:])


def _spread(dot: Tensor | None, y: Tensor, free: bool) -> Tensor | None:
    """Tangents in the shape of all of y."""
    return None if dot is None else dot.expand(_of_directions(y, dot.shape[0 if free else 1], free))


def _lifted(value: Moving, dot: Tensor, ndim: int, free: bool) -> Tensor:
    """Tangents of ``value`` beside those of a result of so many axes, ``free`` or not."""
    own = value.y.ndim
    if not value.free:
        if own != ndim:
            raise ValueError("no rule for samples with different numbers of axes in one operation")
        return dot
    if free:
        return dot.reshape(len(dot), *[1] * (ndim - own), *value.y.shape)
    if own == ndim:
        return dot.transpose(0, 1)
    return dot.reshape(1, len(dot), *[1] * (ndim - 1 - own), *value.y.shape)


def _lowered(
    value: Moving, delta: Tensor | None, delta_dot: Tensor, free: bool
) -> tuple[Tensor | None, Tensor]:
    """Cotangents of a result as those of ``value``, summed over what it was spread along."""
    d = None if delta is None else delta.sum_to_size(value.y.shape)
    if not value.free:
        return d, delta_dot.sum_to_size(_of_directions(value.y, delta_dot.shape[1], False))
    by_direction = delta_dot if free else delta_dot.transpose(0, 1)
    ones = [1] * (by_direction.ndim - 1 - value.y.ndim)
    e = by_direction.sum_to_size(len(by_direction), *ones, *value.y.shape)
    return d, e.reshape(len(by_direction), *value.y.shape)
