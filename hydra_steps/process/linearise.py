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


class Curvature(StrEnum):
    """Which matrix stands for the Hessian of the batch loss."""

    EXACT = "exact"
    GAUSS_NEWTON = "gauss_newton"
    NONE = "none"


class Linearised(NamedTuple):
    """``slopes`` ⟨u, ∇ℓ_n⟩ [b]; ``parameters_bar`` (H u plus the buffers' pull-back) [p]; ``buffers_bar`` [r];
    ``buffers_dot`` the new buffers' tangent [r]."""

    slopes: Tensor
    parameters_bar: Tensor | None
    buffers_bar: Tensor
    buffers_dot: Tensor


def linearise(
    process: Process,
    parameters: Tensor,
    buffers: Tensor,
    batch: Batch,
    direction: Tensor,
    curvature: Curvature,
    weights: Tensor | None = None,
    buffers_bar: Tensor | None = None,
) -> Linearised:
    """Directional derivatives along ``direction`` [p] at θ = ``parameters`` [p], and the curvature times it.

    ``buffers_bar`` [r], the cotangent of the buffers after the step, is pulled back too (batch norm's statistics
    depend on θ), except with ``Curvature.NONE``, which keeps first-order scores free of any pull-back.
    """
    pulls = curvature is not Curvature.NONE
    with torch.set_grad_enabled(pulls), forward_ad.dual_level():
        leaf = parameters.detach().requires_grad_(pulls)
        before = buffers.detach().requires_grad_(pulls and buffers.numel() > 0)
        dual = forward_ad.make_dual(leaf, direction)
        logits_dual, after_dual = process.model.train_logits(
            dual, before, batch.images, batch.keys, differentiable=True
        )
        logits, logits_dot = forward_ad.unpack_dual(logits_dual)
        after, after_dot = forward_ad.unpack_dual(after_dual)
        slopes = (process.loss.slope(logits, batch.labels) * logits_dot).sum(-1)
        after_dot = torch.zeros_like(buffers) if after_dot is None else after_dot.detach()
    if not pulls:
        return Linearised(slopes, None, torch.zeros_like(buffers), after_dot)
    share = slopes.new_full((len(batch),), 1 / len(batch))
    if weights is not None:
        share = share * weights[batch.index]
    if curvature is Curvature.EXACT:
        outputs, cotangents = [slopes], [share]
    else:
        bend = process.loss.bend(logits.detach(), logits_dot.detach())
        outputs, cotangents = [logits], [share[:, None] * bend]
    if buffers_bar is not None and process.model.coupled:
        outputs, cotangents = [*outputs, after], [*cotangents, buffers_bar]
        pulled, before_bar = torch.autograd.grad(outputs, (leaf, before), cotangents, allow_unused=True)
        return Linearised(slopes.detach(), pulled, before_bar, after_dot)
    (pulled,) = torch.autograd.grad(outputs, leaf, cotangents)
    return Linearised(slopes.detach(), pulled, torch.zeros_like(buffers), after_dot)
