"""A step linearised along one direction: tangents by PyTorch's forward mode, and an ordinary backward pass."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad

from hydra_steps.process.linearised import Curvature, Linearised, Point
from hydra_steps.process.process import Process


def forward_mode(
    process: Process,
    point: Point,
    direction: Tensor,
    curvature: Curvature,
    buffers_bar: Tensor | None,
    buffers_dot: Tensor | None,
) -> Linearised:
    """See :func:`hydra_steps.process.linearise.linearise`, for one direction [p] and its buffers' [r], and a curvature
    that is not the exact Hessian: the tangents are not differentiated again. Batch norm's buffers, and the weights of
    its statistics where they count, are among the inputs and outputs."""
    assert curvature is not Curvature.EXACT
    pulls = curvature is not Curvature.NONE
    parameters, buffers, batch = point.parameters, point.buffers, point.batch
    counted = point.counted(process)
    if counted is not None:
        counted.requires_grad_(pulls)
    with torch.set_grad_enabled(pulls), forward_ad.dual_level():
        leaf, before = (part.detach().requires_grad_(pulls) for part in (parameters, buffers))
        dual = forward_ad.make_dual(leaf, direction)
        moved = before if buffers_dot is None else forward_ad.make_dual(before, buffers_dot)
        logits_dual, after_dual = point.passed(process, dual, moved, counted)
        logits, logits_dot = forward_ad.unpack_dual(logits_dual)
        after, after_dot = forward_ad.unpack_dual(after_dual)
        slopes = (process.loss.slope(logits, batch.targets) * logits_dot).sum(-1)
        after_dot = torch.zeros_like(buffers) if after_dot is None else after_dot.detach()
    if not pulls:
        return Linearised(slopes[None], None, torch.zeros_like(buffers)[None], after_dot[None])
    bend = process.loss.bend(logits.detach(), logits_dot.detach(), batch.targets)
    outputs, cotangents = [logits], [point.share(process)[:, None] * bend]
    if buffers_bar is not None:
        outputs, cotangents = [*outputs, after], [*cotangents, buffers_bar]
    inputs = [leaf] + ([] if buffers_bar is None else [before]) + ([] if counted is None else [counted])
    pulled, *others = torch.autograd.grad(outputs, inputs, cotangents)
    before_bar = torch.zeros_like(buffers) if buffers_bar is None else others.pop(0)
    statistics_bar = None if counted is None else others.pop(0)[None]
    return Linearised(slopes.detach()[None], pulled[None], before_bar[None], after_dot[None], statistics_bar)
