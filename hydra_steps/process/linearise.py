"""Derivatives of one step's gradient map g(θ, w) = ∇θ (1/|B|) Σ w_n ℓ_n(θ), in the cheapest order.

One forward pass with a tangent u gives the directional derivatives of all the batch's losses, ℓ̇_n = ⟨u, ∇ℓ_n⟩
(right also with batch norm, where per-sample gradients are not defined one sample at a time), and ∂⟨u, g⟩/∂w_n =
ℓ̇_n / |B|. With z the logits and ż their tangent the way back gives

    exact          H u = ∂/∂θ Σ (w_n/|B|) ⟨∂ℓ_n/∂z(θ), ż_n(θ)⟩
    Gauss–Newton   G u = Jᵀ [ (w_n/|B|) (∂²ℓ_n/∂z²) ż_n ]       positive semi-definite
    none           0

Where all layers have rules (:mod:`hydra_steps.tangents.chain`) this is the backward pass differentiated forwards,
which many directions share; other models go through PyTorch's forward mode and a backward pass through that,
direction by direction. Cost in forward passes F (a training step is 3F) for one direction: exact 8F, Gauss–Newton 5F,
none 3F; LeNet-5 in batches of 64 on one processor core, of eight at once each: exact 3.2F, Gauss–Newton 2.4F, none
1F.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

from hydra_steps.process.process import Batch, Process

# Directions × samples in one pass: what stays in a processor's caches at LeNet-5's size; on a GPU, what fills it.
TOGETHER, TOGETHER_ON_GPU = 512, 16_384


class Curvature(StrEnum):
    """Which matrix stands for the Hessian of the batch loss."""

    EXACT = "exact"
    GAUSS_NEWTON = "gauss_newton"
    NONE = "none"


class Linearised(NamedTuple):
    """Of directions u_q: ``slopes`` ⟨u_q, ∇ℓ_n⟩ [q, b]; ``parameters_bar`` [q, p], the curvature times u_q plus the
    buffers' pull-back (None without curvature); ``buffers_bar`` [q, r]; ``buffers_dot`` [q, r], the new
    buffers' tangents; ``statistics_bar`` [q, b], what ⟨u_q, g⟩ and the buffers change by w_n through batch norm's
    weighted statistics, besides ℓ̇_n / |B| (None where they are not weighted, and without curvature).
    """

    slopes: Tensor
    parameters_bar: Tensor | None
    buffers_bar: Tensor
    buffers_dot: Tensor
    statistics_bar: Tensor | None = None


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
    training: bool = True,
) -> Linearised:
    """Directional derivatives along ``directions`` [q, p] at θ = ``parameters`` [p], and the curvature times them.

    ``buffers_bar`` [q, r], the cotangent of the buffers after the step, is pulled back too (batch norm's statistics
    depend on θ), except with ``Curvature.NONE``, which keeps first-order scores free of any pull-back.
    ``buffers_dot`` [q, r] are the buffers' own tangents before the step. ``weights`` [n] are the data weights of the
    curvature, and of batch norm's statistics where the process weights them. Without ``training`` the model is in its
    evaluation mode.
    """
    parts = []
    if process.model.has_rules:
        together = TOGETHER_ON_GPU if process.device.type == "cuda" else TOGETHER
        for rows in _evenly(directions, max(1, together // max(len(batch), 1))):
            parts.append(_together(process, parameters, buffers, batch, rows, curvature, weights, training))
    else:
        for place, direction in enumerate(directions):
            bar, dot = (None if x is None else x[place] for x in (buffers_bar, buffers_dot))
            parts.append(
                _one(process, parameters, buffers, batch, direction, curvature, weights, bar, dot, training)
            )
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
    statistics = [part.statistics_bar for part in parts if part.statistics_bar is not None]
    return Linearised(slopes, pulled, bars, dots, torch.cat(statistics) if statistics else None)


def _evenly(rows: Tensor, most: int) -> Iterable[Tensor]:
    """Parts of at most ``most`` rows, as equal as can be: a small last part would cost nearly as much as a full
    one."""
    count = -(-len(rows) // most)
    return rows.tensor_split(count) if count else []


def _present(tensor: Tensor | None) -> Tensor:
    assert tensor is not None
    return tensor


def _share(process: Process, batch: Batch, weights: Tensor | None) -> Tensor:
    """w_n / |B| [b]."""
    share = torch.full((len(batch),), 1 / len(batch), dtype=process.dtype, device=process.device)
    return share if weights is None else share * weights[batch.index]


def _together(
    process: Process,
    parameters: Tensor,
    buffers: Tensor,
    batch: Batch,
    directions: Tensor,
    curvature: Curvature,
    weights: Tensor | None,
    training: bool,
) -> Linearised:
    """Several directions through one pass of the layers' rules, for models without batch norm."""
    no_buffers = buffers.new_zeros(len(directions), len(buffers))
    with torch.no_grad():
        logits, logits_dot, pull = process.model.push(
            parameters, directions, buffers, batch.images, batch.keys, training
        )
        slope = process.loss.slope(logits, batch.labels)
        slopes = (slope[:, None] * logits_dot).sum(-1).T
        if curvature is Curvature.NONE:
            return Linearised(slopes, None, no_buffers, no_buffers)
        share = _share(process, batch, weights)
        delta = share[:, None] * slope if curvature is Curvature.EXACT else None
        pulled = pull(
            delta,
            share[:, None, None] * process.loss.bend(logits[:, None], logits_dot, batch.labels[:, None]),
        )
    return Linearised(slopes, pulled, no_buffers, no_buffers)


def _one(
    process: Process,
    parameters: Tensor,
    buffers: Tensor,
    batch: Batch,
    direction: Tensor,
    curvature: Curvature,
    weights: Tensor | None,
    buffers_bar: Tensor | None,
    buffers_dot: Tensor | None,
    training: bool,
) -> Linearised:
    """One direction through PyTorch's forward mode, with batch norm's buffers, and the weights of its statistics
    where they count, among the inputs and outputs."""
    pulls = curvature is not Curvature.NONE
    counted = None
    if training and process.weighs_statistics:
        ones = parameters.new_ones(len(batch))
        counted = (ones if weights is None else weights[batch.index]).detach().requires_grad_(pulls)
    with torch.set_grad_enabled(pulls), forward_ad.dual_level():
        leaf, before = (part.detach().requires_grad_(pulls) for part in (parameters, buffers))
        dual = forward_ad.make_dual(leaf, direction)
        moved = before if buffers_dot is None else forward_ad.make_dual(before, buffers_dot)
        if training:
            logits_dual, after_dual = process.model.train_logits(
                dual, moved, batch.images, batch.keys, differentiable=True, weights=counted
            )
        else:
            logits_dual, after_dual = process.model.logits(dual, moved, batch.images), moved
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
        bend = process.loss.bend(logits.detach(), logits_dot.detach(), batch.labels)
        outputs, cotangents = [logits], [share[:, None] * bend]
    if buffers_bar is not None:
        outputs, cotangents = [*outputs, after], [*cotangents, buffers_bar]
    inputs = [leaf] + ([] if buffers_bar is None else [before]) + ([] if counted is None else [counted])
    pulled, *others = torch.autograd.grad(outputs, inputs, cotangents)
    before_bar = torch.zeros_like(buffers) if buffers_bar is None else others.pop(0)
    statistics_bar = None if counted is None else others.pop(0)[None]
    return Linearised(slopes.detach()[None], pulled[None], before_bar[None], after_dot[None], statistics_bar)
