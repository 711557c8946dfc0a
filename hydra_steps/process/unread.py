"""Products of inputs and weights in a gradient that is only differentiated again, whose own numbers nobody reads.

Twice backward makes the gradient g(θ) with its graph, and then asks for derivatives of ⟨u, g⟩ alone. Of a layer y =
B(x, w) that is linear in both, g has B's pull-backs to x, which the layers before it need, and to w, which is an entry
of g and needed by nobody: with cotangents a of the first and c of the second,

    ḡ_y = B(a, w) + B(x, c)        x̄ = pull-back of g_y to x by weights c        w̄ = pull-back of g_y to w by inputs a

So a layer costs 8 products where a training step costs 3, and PyTorch 9, some of them by its slower kernels for the
second derivative of a convolution. Inside :class:`Unread` the layers' functions make such a graph; in the place of the
numbers that are not made stands NaN, which cannot be read by mistake. Batch norm goes its own short way there, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property, partial
from types import FunctionType
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode

from hydra_steps.models.layers import normalise
from hydra_steps.process.normalised import batch_normalised


class Form(Protocol):
    """A function B(x, w) that is linear in x and in w, and its pull-backs of a cotangent g of B(x, w)."""

    def value(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor: ...

    def pulled(self, g: Tensor, x: Tensor, w: Tensor, to_x: bool, to_w: bool) -> tuple[Any, Any]:
        """To x by the weights w, and to w by the inputs x; None for what is not asked for."""

    def of_bias(self, g: Tensor) -> Tensor: ...

    def spread(self, bias: Tensor, ndim: int) -> Tensor:
        """The bias as it is added to an output of so many axes."""


class Linear(NamedTuple):
    """x [..., i] and w [o, i] to [..., o]."""

    def value(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        if x.ndim == 2 or bias is None:
            return F.linear(x, w, bias)
        return F.linear(x, w).add_(bias)  # with it PyTorch gives a view, which nobody may change in place

    def pulled(self, g: Tensor, x: Tensor, w: Tensor, to_x: bool, to_w: bool) -> tuple[Any, Any]:
        of_x = g @ w if to_x else None
        of_w = g.reshape(-1, g.shape[-1]).T @ x.reshape(-1, x.shape[-1]) if to_w else None
        return of_x, of_w

    def of_bias(self, g: Tensor) -> Tensor:
        return g.reshape(-1, g.shape[-1]).sum(0)

    def spread(self, bias: Tensor, ndim: int) -> Tensor:
        return bias


class Convolution(NamedTuple):
    """x [b, i, …] and w [o, i, …], or of a transposed one w [i, o, …], to [b, o, …]."""

    how: tuple[Any, ...]  # stride, padding, dilation, whether transposed, its output_padding, groups

    def value(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        return torch.convolution(x, w, bias, *self.how)

    def pulled(self, g: Tensor, x: Tensor, w: Tensor, to_x: bool, to_w: bool) -> tuple[Any, Any]:
        made = torch.ops.aten.convolution_backward(g, x, w, None, *self.how, [to_x, to_w, False])
        return made[0], made[1]

    def of_bias(self, g: Tensor) -> Tensor:
        return g.sum([0, *range(2, g.ndim)])

    def spread(self, bias: Tensor, ndim: int) -> Tensor:
        return bias.view(-1, *[1] * (ndim - 2))


class _Product(torch.autograd.Function):
    """B(x, w), and a bias."""

    apply: ClassVar[Callable[..., Any]]  # torch does not annotate it

    @staticmethod
    def forward(ctx: Any, mode: Unread, form: Form, x: Tensor, w: Tensor, bias: Tensor | None) -> Tensor:
        ctx.mode, ctx.form, ctx.biases = mode, form, None if bias is None else len(bias)
        ctx.save_for_backward(x, w)
        return form.value(x, w, bias)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Any, ...]:
        x, w = ctx.saved_tensors
        *_, to_x, to_w, to_bias = ctx.needs_input_grad
        if torch.is_grad_enabled() and not ctx.mode.calling:
            return None, None, *_Unread.apply(ctx.mode, ctx.form, g, x, w, to_x, ctx.biases)
        return None, None, *ctx.form.pulled(g, x, w, to_x, to_w), ctx.form.of_bias(g) if to_bias else None


class _Unread(torch.autograd.Function):
    """The pull-backs of B: to x in numbers, to w and to the bias as places for cotangents alone."""

    apply: ClassVar[Callable[..., Any]]  # torch does not annotate it

    @staticmethod
    def forward(
        ctx: Any, mode: Unread, form: Form, g: Tensor, x: Tensor, w: Tensor, to_x: bool, biases: int | None
    ) -> tuple[Tensor | None, Tensor, Tensor | None]:
        ctx.mode, ctx.form = mode, form
        ctx.save_for_backward(g, x, w)
        ctx.set_materialize_grads(False)
        nothing = w.new_full((), torch.nan)
        of_x = form.pulled(g, x, w, True, False)[0] if to_x else None
        return of_x, nothing.expand(w.shape), None if biases is None else nothing.expand(biases)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, a: Tensor | None, c: Tensor | None, e: Tensor | None) -> tuple[Any, ...]:
        form: Form = ctx.form
        g, x, w = ctx.saved_tensors
        _, _, to_g, to_x, to_w, *_ = ctx.needs_input_grad
        if ctx.mode.forwards:
            to_x = to_w = False
        of_g = of_x = of_w = None
        if to_g:
            parts = [
                *([] if a is None else [form.value(a, w)]),
                *([] if c is None else [form.value(x, c)]),
            ]
            of_g = sum(parts[1:], parts[0]) if parts else None
            if e is not None:
                of_g = form.spread(e, g.ndim) + (torch.zeros_like(g) if of_g is None else of_g)
        if a is not None and c is not None and (to_x or to_w):
            of_x, of_w = form.pulled(g, a, c, to_x, to_w)
        elif a is not None and to_w:
            of_w = form.pulled(g, a, w, False, True)[1]
        elif c is not None and to_x:
            of_x = form.pulled(g, x, c, True, False)[0]
        return None, None, of_g, of_x, of_w, None, None


class Unread(TorchFunctionMode):
    """Inside it, linear layers and convolutions whose weights are among ``parameters`` make a gradient's graph without
    the numbers that nobody reads.

    ``parameters`` gives the tensors themselves that are cut out of the vector by which the gradient is taken: what is
    computed of them first (a normalised weight) has derivatives that need the numbers. None leaves all graphs whole.
    """

    def __init__(self, parameters: Callable[[], Sequence[Tensor]] | None) -> None:
        super().__init__()
        self._parameters = parameters
        # Whether the model is being called: a gradient that it takes itself is read.
        self.calling = False
        # Whether derivatives are asked for by the cotangents alone, none by inputs and weights.
        self.forwards = False

    @contextmanager
    def called(self) -> Iterator[None]:
        """Inside it, the model is called."""
        self.calling = True
        try:
            with self if self._parameters is not None else nullcontext():
                yield
        finally:
            self.calling = False

    @contextmanager
    def by_cotangents(self) -> Iterator[None]:
        """Inside it, derivatives of the gradient are asked for by the cotangents alone: of shares, or of a pull-back.
        Autograd does not tell a function which of its inputs these are."""
        self.forwards = True
        try:
            yield
        finally:
            self.forwards = False

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """As :class:`torch.overrides.TorchFunctionMode` asks."""
        if (
            torch._C._are_functorch_transforms_active()
        ):  # within the model: they have rules for PyTorch's own functions
            return func(*args, **(kwargs or {}))
        if func is F.multi_head_attention_forward:
            return self._attention(*args, **(kwargs or {}))
        if func is normalise:
            return batch_normalised(lambda: self.calling, *args)
        return self._called(func, *args, **(kwargs or {}))

    def _called(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The function's value, with the graph of this module where that serves it."""
        read = READ.get(func)
        if read is not None and not kwargs and self._served(args):
            form = read(*args)
            if form is not None:
                return _Product.apply(self, form, args[0], args[1], args[2] if len(args) > 2 else None)
        return func(*args, **kwargs)

    @cached_property
    def _attention(self) -> Callable[..., Any]:
        """PyTorch's own function, whose linear layers this mode would not meet: they are called within it, where a mode
        is at rest. A copy of it calls others by their names."""
        names = {**vars(F), "linear": partial(self._called, F.linear), "has_torch_function": lambda _: False}
        for name in ("_in_projection", "_in_projection_packed"):
            names[name] = _among(names, vars(F)[name])
        return _among(names, F.multi_head_attention_forward)

    def _served(self, args: Sequence[Any]) -> bool:
        """Whether weights and bias are parameters, as they are."""
        given = [one for one in args[1:3] if one is not None]
        parameters = self._parameters() if self._parameters is not None else ()
        return all(any(one is known for known in parameters) for one in given)


def _among(names: dict[str, Any], function: Any) -> Callable[..., Any]:
    """The function, that finds what it calls among ``names``."""
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__)


def _linear(x: Tensor, w: Tensor, *bias: Tensor | None) -> Form:
    return Linear()


# What follows a convolution's bias among its arguments, and a transposed one's.
PLAIN = ("stride", "padding", "dilation", "groups")
TRANSPOSED = ("stride", "padding", "more", "groups", "dilation")


def _convolution(
    x: Tensor, w: Tensor, bias: Tensor | None = None, *settings: Any, transposed: bool
) -> Form | None:
    names = TRANSPOSED if transposed else PLAIN
    how = {"stride": 1, "padding": 0, "dilation": 1, "more": 0, "groups": 1} | dict(
        zip(names, settings, strict=False)
    )
    if isinstance(how["padding"], str) or x.ndim != w.ndim:
        return None
    stride, padding, dilation, more = (
        _each(how[name], w.ndim - 2) for name in ("stride", "padding", "dilation", "more")
    )
    return Convolution((stride, padding, dilation, transposed, more, how["groups"]))


def _each(given: Any, axes: int) -> tuple[int, ...]:
    """One number for each axis."""
    numbers = (given,) if isinstance(given, int) else tuple(given)
    return numbers * axes if len(numbers) == 1 else numbers


READ: dict[Callable[..., Any], Callable[..., Form | None]] = {
    F.linear: _linear,
    **dict.fromkeys((F.conv1d, F.conv2d, F.conv3d), partial(_convolution, transposed=False)),
    **dict.fromkeys(
        (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d), partial(_convolution, transposed=True)
    ),
}
