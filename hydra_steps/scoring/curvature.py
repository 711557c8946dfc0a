"""Products of the training objective's curvature with vectors, at one state and in evaluation mode.

    H v   the Hessian of the mean loss (1/M) Σ ℓ_n          G v   its Gauss–Newton matrix, positive semi-definite

over all training samples or over a batch of M of them. Cost per vector, in forward passes F over the samples:
H 8F, G 5F. Index letters: q vectors, p parameters, n samples, c classes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd import forward_ad

from hydra_steps.process.linearise import TOGETHER
from hydra_steps.process.process import Process
from hydra_steps.process.state import State

CHUNK = 64  # samples per pass: with several directions at once, what stays in a processor's caches
MATRICES = ("gauss_newton", "hessian")


def curvature_product(
    process: Process, state: State, vectors: Tensor, matrix: str = "gauss_newton", index: Tensor | None = None
) -> Tensor:
    """G v_q or H v_q [q, p] for ``vectors`` [q, p], over the samples ``index`` [m] (all for None)."""
    images, labels = process.images, process.labels
    if index is not None:
        images, labels = images[index], labels[index]
    product = _gauss_newton if matrix == "gauss_newton" else _hessian
    total = torch.zeros_like(vectors)
    for part, target in zip(images.split(CHUNK), labels.split(CHUNK), strict=True):
        total += product(process, state, vectors, part, target)
    return total / max(len(labels), 1)


def weight_decay(process: Process) -> float:
    """λ of the term (λ/2)‖θ‖² that the training objective contains."""
    return float(getattr(process.optimizer, "weight_decay", 0.0))


def _gauss_newton(process: Process, state: State, vectors: Tensor, images: Tensor, labels: Tensor) -> Tensor:
    def logits_of(parameters: Tensor) -> Tensor:
        return process.model.logits(parameters, state.buffers, images)

    def push(vector: Tensor) -> Tensor:
        return torch.func.jvp(logits_of, (state.parameters,), (vector,))[1]

    logits, pull = torch.func.vjp(logits_of, state.parameters)[:2]
    one: Callable[[Tensor], Tensor] = lambda cotangent: pull(cotangent)[0]  # noqa: E731
    parts = []
    for rows in vectors.split(max(1, TOGETHER // CHUNK)):
        with torch.no_grad():
            bend = process.loss.bend(logits, torch.func.vmap(push)(rows))
        parts.append(torch.func.vmap(one)(bend))
    return torch.cat(parts) if parts else torch.zeros_like(vectors)


def _hessian(process: Process, state: State, vectors: Tensor, images: Tensor, labels: Tensor) -> Tensor:
    """Reverse over forward: the gradient of Σ_n ⟨v, ∇ℓ_n⟩."""
    rows = []
    for vector in vectors:
        with forward_ad.dual_level():
            leaf = state.parameters.detach().requires_grad_()
            dual = forward_ad.make_dual(leaf, vector)
            logits, tangent = forward_ad.unpack_dual(process.model.logits(dual, state.buffers, images))
            slopes = (process.loss.slope(logits, labels) * tangent).sum()
        rows.append(torch.autograd.grad(slopes, leaf)[0])
    return torch.stack(rows) if rows else torch.zeros_like(vectors)
