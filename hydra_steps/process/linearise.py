"""Derivatives of one step's gradient map g(θ, w) = ∇θ (1/|B|) Σ w_n ℓ_n(θ), in the cheapest order.

One forward pass with a tangent u gives the directional derivatives of all the batch's losses, ℓ̇_n = ⟨u, ∇ℓ_n⟩
(right also with batch norm, where per-sample gradients are not defined one sample at a time). ∂⟨u, g⟩/∂w_n =
ℓ̇_n / |B|, and the gradient of (1/|B|) Σ w_n ℓ̇_n is H u: a backward pass through that forward pass ("reverse
over forward") gives both. With z the logits and ż their tangent, ℓ̇_n = ⟨∂ℓ_n/∂z, ż_n⟩, so the loss's own
derivatives stay in closed form.

    exact          H u = ∂/∂θ Σ (w_n/|B|) ⟨∂ℓ_n/∂z(θ), ż_n(θ)⟩
    Gauss–Newton   G u = Jᵀ [ (w_n/|B|) (∂²ℓ_n/∂z²) ż_n ]       positive semi-definite
    none           0

Cost in forward passes F (a training step is 3F): exact 8F, Gauss–Newton 5F, none 3F.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

from hydra_steps.process.process import Batch, Process

# Directions × samples in one pass: what stays in a processor's caches at LeNet-5's size; on a GPU, what fills it.
TOGETHER, TOGETHER_ON_GPU = 1024, 16_384


class Curvature(StrEnum):
    """Which matrix stands for the Hessian of the batch loss."""

    EXACT = "exact"
    GAUSS_NEWTON = "gauss_newton"
    NONE = "none"


class Linearised(NamedTuple):
    """Of directions u_q: ``slopes`` ⟨u_q, ∇ℓ_n⟩ [q, b]; ``parameters_bar`` [q, p], the curvature times u_q plus the
    buffers' pull-back (None without curvature); ``buffers_bar`` [q, r]; ``buffers_dot`` [q, r], the new
    buffers' tangents.
    """

    slopes: Tensor
    parameters_bar: Tensor | None
    buffers_bar: Tensor
    buffers_dot: Tensor


def linearise(
    process: Process,
    parameters: Tensor,
    buffers: Tensor,
    batch: Batch,
    directions: Tensor,
    curvature: Curvature,
    weights: Tensor | None = None,
    buffers_bar: Tensor | None = None,
    buffers_dot: Tensor | None = None,
) -> Linearised:
    """Directional derivatives along ``directions`` [q, p] at θ = ``parameters`` [p], and the curvature times them.

    ``buffers_bar`` [q, r], the cotangent of the buffers after the step, is pulled back too (batch norm's statistics
    depend on θ), except with ``Curvature.NONE``, which keeps first-order scores free of any pull-back.
    ``buffers_dot`` [q, r] are the buffers' own tangents before the step. ``weights`` [n] are the data weights
    of the curvature. Several directions share their passes where that pays: not for the exact Hessian of convolutions
    on a processor, and not with batch norm.
    """
    on_gpu, exact = process.device.type == "cuda", curvature is Curvature.EXACT
    shares = not process.model.coupled and len(directions) > 1
    shares = shares and (not exact or on_gpu or process.model.light)
    width = max(1, (TOGETHER_ON_GPU if on_gpu else TOGETHER) // max(len(batch), 1)) if shares else 1
    parts = []
    for start in range(0, len(directions), width):
        rows = slice(start, start + width)
        if shares and exact:
            part = _exact_together(process, parameters, buffers, batch, directions[rows], weights)
        elif shares:
            part = _together(process, parameters, buffers, batch, directions[rows], curvature, weights)
        elif process.model.coupled:
            bar, dot = (None if x is None else x[start] for x in (buffers_bar, buffers_dot))
            direction = directions[start]
            part = _one_coupled(process, parameters, buffers, batch, direction, curvature, weights, bar, dot)
        else:
            part = _one(process, parameters, buffers, batch, directions[start], curvature, weights)
        parts.append(part)
    if not parts:
        empty = parameters.new_zeros(0, len(parameters))
        no_buffers = buffers.new_zeros(0, len(buffers))
        return Linearised(parameters.new_zeros(0, len(batch)), empty, no_buffers, no_buffers)
    if len(parts) == 1:
        return parts[0]
    pulled = (
        None if curvature is Curvature.NONE else torch.cat([_present(part.parameters_bar) for part in parts])
    )
    slopes, bars, dots = (
        torch.cat([getattr(p, n) for p in parts]) for n in ("slopes", "buffers_bar", "buffers_dot")
    )
    return Linearised(slopes, pulled, bars, dots)


def _present(tensor: Tensor | None) -> Tensor:
    assert tensor is not None
    return tensor


def _share(process: Process, batch: Batch, weights: Tensor | None) -> Tensor:
    """w_n / |B| [b]."""
    share = torch.full((len(batch),), 1 / len(batch), dtype=process.dtype, device=process.device)
    return share if weights is None else share * weights[batch.index]


def _one(
    process: Process,
    parameters: Tensor,
    buffers: Tensor,
    batch: Batch,
    direction: Tensor,
    curvature: Curvature,
    weights: Tensor | None,
) -> Linearised:
    """One direction, for models without batch norm; results have a leading axis of one."""
    pulls, exact = curvature is not Curvature.NONE, curvature is Curvature.EXACT
    no_buffers = buffers.new_zeros(1, len(buffers))
    with torch.set_grad_enabled(pulls):
        leaf = parameters.detach().requires_grad_(pulls)
        logits, logits_dot = process.model.push(
            leaf, direction, buffers, batch.images, batch.keys, graph=exact
        )
        slopes = (process.loss.slope(logits, batch.labels) * logits_dot).sum(-1)
    if not pulls:
        return Linearised(slopes[None], None, no_buffers, no_buffers)
    share = _share(process, batch, weights)
    if exact:
        (pulled,) = torch.autograd.grad(slopes, leaf, share)
    else:
        bend = process.loss.bend(logits.detach(), logits_dot.detach())
        (pulled,) = torch.autograd.grad(logits, leaf, share[:, None] * bend)
    return Linearised(slopes.detach()[None], pulled[None], no_buffers, no_buffers)


def _one_coupled(
    process: Process,
    parameters: Tensor,
    buffers: Tensor,
    batch: Batch,
    direction: Tensor,
    curvature: Curvature,
    weights: Tensor | None,
    buffers_bar: Tensor | None,
    buffers_dot: Tensor | None,
) -> Linearised:
    """One direction through PyTorch's forward mode, with batch norm's buffers among the inputs and outputs."""
    pulls = curvature is not Curvature.NONE
    with torch.set_grad_enabled(pulls), forward_ad.dual_level():
        leaf, before = (part.detach().requires_grad_(pulls) for part in (parameters, buffers))
        dual = forward_ad.make_dual(leaf, direction)
        moved = before if buffers_dot is None else forward_ad.make_dual(before, buffers_dot)
        logits_dual, after_dual = process.model.train_logits(
            dual, moved, batch.images, batch.keys, differentiable=True
        )
        logits, logits_dot = forward_ad.unpack_dual(logits_dual)
        after, after_dot = forward_ad.unpack_dual(after_dual)
        slopes = (process.loss.slope(logits, batch.labels) * logits_dot).sum(-1)
        after_dot = torch.zeros_like(buffers) if after_dot is None else after_dot.detach()
    if not pulls:
        return Linearised(slopes[None], None, torch.zeros_like(buffers)[None], after_dot[None])
    share = _share(process, batch, weights)
    if curvature is Curvature.EXACT:
        outputs, cotangents = [slopes], [share]
    else:
        bend = process.loss.bend(logits.detach(), logits_dot.detach())
        outputs, cotangents = [logits], [share[:, None] * bend]
    if buffers_bar is None:
        (pulled,) = torch.autograd.grad(outputs, leaf, cotangents)
        return Linearised(
            slopes.detach()[None], pulled[None], torch.zeros_like(buffers)[None], after_dot[None]
        )
    outputs, cotangents = [*outputs, after], [*cotangents, buffers_bar]
    pulled, before_bar = torch.autograd.grad(outputs, (leaf, before), cotangents)
    return Linearised(slopes.detach()[None], pulled[None], before_bar[None], after_dot[None])


def _together(
    process: Process,
    parameters: Tensor,
    buffers: Tensor,
    batch: Batch,
    directions: Tensor,
    curvature: Curvature,
    weights: Tensor | None,
) -> Linearised:
    """Several directions through one primal pass, for models without batch norm."""
    model = process.model

    def push(direction: Tensor) -> Tensor:
        return model.push(parameters, direction, buffers, batch.images, batch.keys, graph=False)[1]

    def logits_of(theta: Tensor) -> Tensor:
        return model.train_logits(theta, buffers, batch.images, batch.keys)[0]

    # Gradients stay enabled, though nothing here asks for one, so that the primal pass stays apart from the tangents'
    # and is made once for all of them.
    logits_dot = torch.func.vmap(push)(directions)
    no_buffers = buffers.new_zeros(len(directions), len(buffers))
    if curvature is Curvature.NONE:
        with torch.no_grad():
            slopes = (process.loss.slope(logits_of(parameters), batch.labels) * logits_dot).sum(-1)
        return Linearised(slopes, None, no_buffers, no_buffers)
    logits, pull = torch.func.vjp(logits_of, parameters)[:2]
    slopes = (process.loss.slope(logits, batch.labels) * logits_dot).sum(-1)
    bend = process.loss.bend(logits, logits_dot) * _share(process, batch, weights)[:, None]
    pulled = torch.func.vmap(lambda cotangent: pull(cotangent)[0])(bend)
    return Linearised(slopes, pulled, no_buffers, no_buffers)


def _exact_together(
    process: Process,
    parameters: Tensor,
    buffers: Tensor,
    batch: Batch,
    directions: Tensor,
    weights: Tensor | None,
) -> Linearised:
    """Several directions and the exact Hessian, for models without batch norm: θ is repeated for each, so that one
    backward pass gives all rows.
    """
    leaf = parameters.detach().repeat(len(directions), 1).requires_grad_()

    def push(theta: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
        return process.model.push(theta, direction, buffers, batch.images, batch.keys, graph=True)

    logits, logits_dot = torch.vmap(push)(leaf, directions)
    slopes = (process.loss.slope(logits, batch.labels) * logits_dot).sum(-1)
    share = _share(process, batch, weights).expand_as(slopes)
    (pulled,) = torch.autograd.grad(slopes, leaf, share)
    no_buffers = buffers.new_zeros(len(directions), len(buffers))
    return Linearised(slopes.detach(), pulled, no_buffers, no_buffers)
