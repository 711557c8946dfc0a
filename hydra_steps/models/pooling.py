"""``MaxPool`` is ``nn.MaxPool2d(2)`` and ``AveragePool`` is ``nn.AvgPool2d(2)``, on a processor in half the time.

Same values; ``MaxPool`` has the same bits and the same choice among equal values. The arithmetic is in
:mod:`hydra_steps.models.windows`. Each map's way back is a function of its own, so that any order of differentiation,
forward mode and ``vmap`` work. On a GPU the maximum is PyTorch's, one kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.forward_ad import unpack_dual
from torch.nn import functional

from hydra_steps.models.altered import alteration
from hydra_steps.models.windows import Choice, choose, maxima, means, put, spread, take


def _lead(inputs: tuple[Any, ...], dims: tuple[Any, ...]) -> list[Any]:
    """Tensors with what ``vmap`` maps over as their first axis, of length 1 where one is not mapped over."""
    return [
        x if not isinstance(x, Tensor) else x.unsqueeze(0) if dim is None else x.movedim(dim, 0)
        for x, dim in zip(inputs, dims, strict=True)
    ]


def _plain(*tensors: Tensor) -> bool:
    """Whether a way back is all that is asked for, and not its own derivative: then calling a function of autograd's,
    tens of microseconds each, is spared.
    """
    if torch.is_grad_enabled() or torch._C._are_functorch_transforms_active():
        return False
    return all(unpack_dual(tensor).tangent is None for tensor in tensors)


class _Map(Function):
    """A map of the last two axes: ``vmap`` adds an axis in front."""

    apply: ClassVar[Callable[..., Any]]  # torch does not annotate it

    @classmethod
    def vmap(cls, info: Any, dims: tuple[Any, ...], *inputs: Any) -> tuple[Any, Any]:
        made = cls.apply(*_lead(inputs, dims))
        return made, (0,) * len(made) if isinstance(made, tuple) else 0


class _Maxima(_Map):
    """x → maxima. The choice is made when a derivative is asked for: passes without one do not pay for it."""

    apply: ClassVar[Callable[..., Tensor]]

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return maxima(x)

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        context.save_for_backward(*inputs)
        context.save_for_forward(*inputs)

    @staticmethod
    def backward(context: Any, delta: Tensor) -> Tensor:
        (x,) = context.saved_tensors
        if _plain(delta, x):
            return put(delta, choose(x), x.shape[-2:])
        return _Put.apply(delta, *_Choose.apply(x.detach()), x.shape[-2:])

    @staticmethod
    def jvp(context: Any, x_dot: Tensor) -> Tensor:
        return _Take.apply(x_dot, *_Choose.apply(context.saved_tensors[0].detach()))


class _Choose(_Map):
    """x → its choice, a constant to every derivative."""

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, ...]:
        return tuple(choose(x))

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor], output: tuple[Tensor, ...]) -> None:
        context.mark_non_differentiable(*output)


class _Take(_Map):
    """(x, choice) → the selected values of x; linear in x, and the choice is constant."""

    apply: ClassVar[Callable[..., Tensor]]

    @staticmethod
    def forward(x: Tensor, lower: Tensor, right: Tensor) -> Tensor:
        return take(x, Choice(lower, right))

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        x, *choice = inputs
        context.sides = x.shape[-2:]
        context.save_for_backward(*choice)
        context.save_for_forward(*choice)

    @staticmethod
    def backward(context: Any, delta: Tensor) -> tuple[Tensor, None, None]:
        return _Put.apply(delta, *context.saved_tensors, context.sides), None, None

    @staticmethod
    def jvp(context: Any, x_dot: Tensor, *_: Any) -> Tensor:
        return _Take.apply(x_dot, *context.saved_tensors)


class _Put(_Map):
    """(values, choice, sides) → values at the selected places; linear in them, and the choice is constant."""

    apply: ClassVar[Callable[..., Tensor]]

    @staticmethod
    def forward(values: Tensor, lower: Tensor, right: Tensor, sides: tuple[int, int]) -> Tensor:
        return put(values, Choice(lower, right), sides)

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _, lower, right, context.sides = inputs
        context.save_for_backward(lower, right)
        context.save_for_forward(lower, right)

    @staticmethod
    def backward(context: Any, delta: Tensor) -> tuple[Tensor, None, None, None]:
        return _Take.apply(delta, *context.saved_tensors), None, None, None

    @staticmethod
    def jvp(context: Any, values_dot: Tensor, *_: Any) -> Tensor:
        return _Put.apply(values_dot, *context.saved_tensors, context.sides)


class _Means(_Map):
    """x → means."""

    apply: ClassVar[Callable[..., Tensor]]

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return means(x)

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        context.sides = inputs[0].shape[-2:]

    @staticmethod
    def backward(context: Any, delta: Tensor) -> Tensor:
        return spread(delta, context.sides) if _plain(delta) else _Spread.apply(delta, context.sides)

    @staticmethod
    def jvp(context: Any, x_dot: Tensor) -> Tensor:
        return _Means.apply(x_dot)


class _Spread(_Map):
    """(values, sides) → quarters of values over their windows."""

    apply: ClassVar[Callable[..., Tensor]]

    @staticmethod
    def forward(values: Tensor, sides: tuple[int, int]) -> Tensor:
        return spread(values, sides)

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor, tuple[int, int]], output: Tensor) -> None:
        context.sides = inputs[1]

    @staticmethod
    def backward(context: Any, delta: Tensor) -> tuple[Tensor, None]:
        return _Means.apply(delta), None

    @staticmethod
    def jvp(context: Any, values_dot: Tensor, _: None) -> Tensor:
        return _Spread.apply(values_dot, context.sides)


class MaxPool(nn.Module):
    """The maximum over 2×2 windows with stride 2, [b, c, h, w] → [b, c, ⌊h/2⌋, ⌊w/2⌋]."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.max_pool2d(x, 2) if x.is_cuda else _Maxima.apply(x)


def pool_first(module: nn.Module) -> nn.Module:
    """Put each ReLU that stands right before a maximum behind it, in place: a quarter of its work, and the same bits.

    ReLU is monotone, so a positive maximum is the same number at the same place either way; any other becomes 0 either
    way, and no derivative passes. Layers with parameters keep their places, and so their names. Only in plain sequences
    of plain sequences: what else calls a layer may look at what it gives.
    """
    if type(module) is not nn.Sequential or alteration(module):
        return module
    for child in module:
        pool_first(child)
    for place in range(len(module) - 1):
        relu, pool = module[place], module[place + 1]
        known = type(relu) is nn.ReLU and type(pool) in (MaxPool, nn.MaxPool2d)
        if known and not (alteration(relu) or alteration(pool) or getattr(pool, "return_indices", False)):
            module[place], module[place + 1] = pool, relu
    return module


class AveragePool(nn.Module):
    """The mean over 2×2 windows with stride 2, [b, c, h, w] → [b, c, ⌊h/2⌋, ⌊w/2⌋]."""

    def forward(self, x: Tensor) -> Tensor:
        return _Means.apply(x)
