"""Batch norm whose gradient is differentiated again in closed form: a few passes over the numbers, where PyTorch's own
operations, one by one, take dozens.

Of a feature's N numbers x with mean μ and variance v let r = 1/√(v + ε), x̂ = r (x − μ), y = w x̂ + b, and P g = g −
mean(g) − x̂ mean(x̂ g), which is its own adjoint. A cotangent g of y gives

    x: w r P g        w: Σ x̂ g        b: Σ g

and cotangents a, c, e of these three, with p = mean(x̂ a) and q = mean(x̂ g),

    g: w r P a + c x̂ + e        w: N r (mean(a g) − mean(a) mean(g) − p q) =: N r Q
    x: r P h − w r² Q x̂,        h = c g − w r (q a + p g)

which the tests compare with automatic differentiation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from hydra_steps.models.layers import normalise
from hydra_steps.tangents.by_feature import dense, scaled_by_feature, spread, sums


def batch_normalised(
    calling: Callable[[], bool], x: Tensor, w: Tensor | None, b: Tensor | None, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """As :func:`hydra_steps.models.layers.normalise`, all three differentiable twice; while ``calling`` says that the
    model is still being called, and takes gradients of its own, as often as one likes."""
    if w is None or b is None:
        w, b = x.new_ones(()).expand(x.shape[1]), x.new_zeros(()).expand(x.shape[1])
    made: tuple[Tensor, Tensor, Tensor] = _BatchNorm.apply(calling, x, w, b, epsilon)
    return made


class _BatchNorm(torch.autograd.Function):
    """y, μ and v of x, w and b."""

    apply: ClassVar[Callable[..., Any]]  # torch does not annotate it

    @staticmethod
    def forward(
        ctx: Any, calling: Callable[[], bool], x: Tensor, w: Tensor, b: Tensor, epsilon: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.calling, ctx.epsilon, x = calling, epsilon, dense(x)
        scaled, mean, r = torch.native_batch_norm(x, None, None, None, None, True, 0.0, epsilon)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, w, b, mean)
        ctx.known = scaled, r
        y = torch.addcmul(spread(b, x), scaled, spread(w, x))
        return y, mean, r.pow(-2) - epsilon

    @staticmethod
    def backward(ctx: Any, g: Tensor | None, of_mean: Tensor | None, of_variance: Tensor | None) -> Any:
        x, w, b, mean = ctx.saved_tensors
        scaled, r = ctx.known
        if torch.is_grad_enabled() and ctx.calling():
            return None, *_again(x, w, b, ctx.epsilon, [g, of_mean, of_variance]), None
        if g is None:
            of_x, of_w, of_b = None, None, None
        elif torch.is_grad_enabled():
            of_x, of_w, of_b = _Gradient.apply(g, x, w, scaled, r)
        else:
            of_x, of_w, of_b = _pulled(g, w, scaled, r)
        if of_mean is not None or of_variance is not None:
            count = x.numel() // x.shape[1]
            factor = 0 if of_variance is None else spread(of_variance * (2 / count), x)
            constant = 0 if of_mean is None else spread(of_mean / count, x)
            moved = factor * (x - spread(mean, x)) + constant
            of_x = moved if of_x is None else of_x + moved
        return None, of_x, of_w, of_b, None


def _again(
    x: Tensor, w: Tensor, b: Tensor, epsilon: float, cotangents: list[Tensor | None]
) -> list[Tensor | None]:
    """The cotangents of x, w and b by PyTorch's own operations, differentiable without end."""
    asked = [one for one in (x, w, b) if one.requires_grad]
    made = zip(normalise(x, w, b, epsilon), cotangents, strict=True)
    outputs, given = zip(*((one, bar) for one, bar in made if bar is not None), strict=True)
    found = iter(torch.autograd.grad(outputs, asked, given, create_graph=True, allow_unused=True))
    return [next(found) if one.requires_grad else None for one in (x, w, b)]


class _Gradient(torch.autograd.Function):
    """What a cotangent g of y makes of x, w and b."""

    apply: ClassVar[Callable[..., Any]]  # torch does not annotate it

    @staticmethod
    def forward(
        ctx: Any, g: Tensor, x: Tensor, w: Tensor, scaled: Tensor, r: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        of_x, of_w, of_b = _pulled(g, w, scaled, r)
        ctx.save_for_backward(g, w, scaled, r, of_w, of_b)
        ctx.set_materialize_grads(False)
        return of_x, of_w, of_b

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, a: Tensor | None, c: Tensor | None, e: Tensor | None) -> tuple[Any, ...]:
        g, w, scaled, r, along, total = ctx.saved_tensors
        count = g.numel() // g.shape[1]
        a, c, e = (torch.zeros_like(like) if one is None else one for one, like in ((a, g), (c, w), (e, w)))
        mean_g, q = total / count, along / count
        mean_a, p = (one / count for one in sums(a, scaled))
        bilinear = sums(a, g)[1] / count - mean_a * mean_g - p * q
        wr = w * r
        of_a, of_own = -wr * q, c - wr * p
        of_g = scaled_by_feature(a, wr, e - wr * mean_a).addcmul_(scaled, spread(of_own, g))
        of_x = scaled_by_feature(a, r * of_a, -r * (of_a * mean_a + of_own * mean_g))
        bent = -(of_a * p + of_own * q) - wr * bilinear
        of_x.addcmul_(g, spread(r * of_own, g)).addcmul_(scaled, spread(r * bent, g))
        return of_g, of_x, count * r * bilinear, None, None


def _pulled(g: Tensor, w: Tensor, scaled: Tensor, r: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The cotangents of x, w and b."""
    made: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.native_batch_norm_backward(
        *(dense(g, scaled), scaled, w * r, None, None),
        *(torch.zeros_like(r), torch.ones_like(r), True, 0.0, [True, True, True]),
    )
    return made
