"""Influence functions at the final state, with the inverse curvature by conjugate gradients (scipy).

    c[q, n] = (1/N) ⟨(G + (d + λ) I)^{-1} ∇f_q(θ_T), ∇ℓ_n(θ_T)⟩

G is the Gauss–Newton matrix of the mean training loss (1/N) Σ ℓ_n, λ the weight decay that the training
objective contains, d the stated damping. Koh and Liang, ICML 2017, with our weights w_n = 1 + N ε_n. On a
converged, strictly convex problem d = 0 gives the leave-one-out change to first order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, cg
from torch import Tensor
from tqdm import tqdm

from hydra_steps.errors import StudyError
from hydra_steps.process.linearise import TOGETHER
from hydra_steps.process.process import Process
from hydra_steps.process.queries import QuerySet
from hydra_steps.process.state import State
from hydra_steps.process.trajectory import Trajectory
from hydra_steps.scoring.gradients import CHUNK, final_products
from hydra_steps.scoring.registry import Contribution, scorer


def gauss_newton_product(process: Process, state: State, vectors: Tensor) -> Tensor:
    """G v_q [q, p] for the mean training loss in evaluation mode, for ``vectors`` [q, p]: one tangent pass and one
    backward pass over the data, all vectors at once."""
    total = torch.zeros_like(vectors)
    for images in process.images.split(CHUNK):

        def logits_of(parameters: Tensor, images: Tensor = images) -> Tensor:
            return process.model.logits(parameters, state.buffers, images)

        def push(vector: Tensor, logits_of: Callable[[Tensor], Tensor] = logits_of) -> Tensor:
            return torch.func.jvp(logits_of, (state.parameters,), (vector,))[1]

        logits, pull = torch.func.vjp(logits_of, state.parameters)[:2]
        for rows in torch.arange(len(vectors)).split(TOGETHER // CHUNK):
            bend = process.loss.bend(logits, torch.func.vmap(push)(vectors[rows]))
            total[rows] += torch.func.vmap(lambda cotangent, pull=pull: pull(cotangent)[0])(bend)
    return total / process.samples


@scorer(
    "influence_cg",
    unit="query",
    summary="influence function, Gauss–Newton matrix inverted by conjugate gradients, at a stated damping",
    cost="about one epoch per iteration and query; tens of iterations",
)
def influence_cg(trajectory: Trajectory, queries: QuerySet, options: Mapping[str, Any]) -> Contribution:
    """c[q, n] [q, n] float64, in the query's unit; positive helps.

    Options: ``damping`` d, ``iterations`` at most, ``tolerance`` on the relative residual. The diagnostics
    tell iterations, residuals and the effective damping d + λ. Raises :class:`StudyError` when the residual
    grows instead of falling.
    """
    process, final = trajectory.process, trajectory.final_state
    damping = float(options.get("damping", 0.01))
    decay = float(getattr(process.optimizer, "weight_decay", 0.0))
    effective = damping + decay
    limit, tolerance = int(options.get("iterations", 50)), float(options.get("tolerance", 1e-3))
    gradients = queries.cotangents(final).parameters
    solutions, iterations, residuals = _solve(process, final, gradients, effective, limit, tolerance)
    diverged = [name for name, residual in zip(queries.names, residuals, strict=True) if not residual < 1]
    if diverged:
        raise StudyError(
            f"conjugate gradients diverged for {', '.join(diverged)}: relative residual {max(residuals):.3g} after "
            f"{iterations} iterations at effective damping {effective:g}",
            "a residual below 1",
            "raise the method's damping, or use compute.dtype float64",
        )
    values = final_products(process, final, solutions) / process.samples
    residual = dict(zip(queries.names, residuals, strict=True))
    diagnostics = {"effective_damping": effective, "iterations": iterations, "relative_residual": residual}
    return Contribution(values, diagnostics)


def _solve(
    process: Process, state: State, targets: Tensor, damping: float, limit: int, tolerance: float
) -> tuple[Tensor, int, list[float]]:
    """(G + damping·I)^{-1} v_q [q, p] for ``targets`` v [q, p], the iterations used, and the residual of each
    query.

    All queries are one system with a block-diagonal matrix, their right-hand sides scaled to length one: each
    iteration is one pass over the data, and since every block has the same spectrum none is slowed down by the
    others.
    """
    if not len(targets):
        return targets, 0, []
    iterations = 0
    scale = torch.linalg.vector_norm(targets, dim=1, keepdim=True).clamp_min(1e-30)
    right = (targets / scale).double().cpu().numpy()

    def matvec(stacked: np.ndarray) -> np.ndarray:
        v = torch.from_numpy(np.asarray(stacked).reshape(right.shape)).to(targets)
        product = gauss_newton_product(process, state, v).add(v, alpha=damping)
        return product.double().cpu().numpy().reshape(-1)

    with tqdm(total=limit, desc="conjugate gradients", unit="iteration", mininterval=1) as bar:

        def count(_: np.ndarray) -> None:
            nonlocal iterations
            iterations += 1
            bar.update()

        operator = LinearOperator((right.size, right.size), matvec=matvec, dtype=np.float64)
        solution, _ = cg(operator, right.reshape(-1), rtol=tolerance, maxiter=limit, callback=count)
    left = (operator @ solution).reshape(right.shape)
    residuals = np.linalg.norm(left - right, axis=1).tolist()
    return torch.from_numpy(solution.reshape(right.shape)).to(targets) * scale, iterations, residuals
