"""Influence functions at the final state, with the inverse curvature by conjugate gradients (scipy).

    c[q, n] = (1/N) ⟨(G + (d + λ) I)^{-1} ∇f_q(θ_T), ∇ℓ_n(θ_T)⟩

G is the Gauss–Newton matrix of the mean training loss (1/N) Σ ℓ_n, λ the weight decay that the training
objective contains, d the stated damping. Koh and Liang, ICML 2017, with our weights w_n = 1 + N ε_n. On a
converged, strictly convex problem d = 0 gives the leave-one-out change to first order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, cg
from torch import Tensor
from tqdm import tqdm

from hydra_steps.errors import StudyError
from hydra_steps.process.process import Process
from hydra_steps.process.queries import QuerySet
from hydra_steps.process.state import State
from hydra_steps.process.trajectory import Trajectory
from hydra_steps.scoring.gradients import CHUNK, final_products
from hydra_steps.scoring.registry import Contribution, scorer


def gauss_newton_product(process: Process, state: State, vector: Tensor) -> Tensor:
    """G v [p] for the mean training loss in evaluation mode: one tangent pass and one backward pass over the data."""
    total = torch.zeros_like(vector)
    for images in process.images.split(CHUNK):

        def logits_of(parameters: Tensor, images: Tensor = images) -> Tensor:
            return process.model.logits(parameters, state.buffers, images)

        _, tangent = torch.func.jvp(logits_of, (state.parameters,), (vector,))
        logits, pull = torch.func.vjp(logits_of, state.parameters)
        total += pull(process.loss.bend(logits, tangent))[0]
    return total / process.samples


@scorer(
    "influence_cg",
    unit="query",
    summary="influence function, Gauss–Newton matrix inverted by conjugate gradients, at a stated damping",
    cost="about two epochs per iteration and query; tens of iterations",
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
    solved, used, residuals = [], {}, {}
    for name, gradient in zip(tqdm(queries.names, desc="influence_cg", unit="query"), gradients, strict=True):
        solution, used[name], residuals[name] = _solve(process, final, gradient, effective, limit, tolerance)
        if not residuals[name] < 1:
            raise StudyError(
                f"conjugate gradients diverged for query {name}: relative residual {residuals[name]:.3g} after "
                f"{used[name]} iterations at effective damping {effective:g}",
                "a residual below 1",
                "raise the method's damping, or use compute.dtype float64",
            )
        solved.append(solution)
    directions = torch.stack(solved) if solved else gradients
    values = final_products(process, final, directions) / process.samples
    diagnostics = {"effective_damping": effective, "iterations": used, "relative_residual": residuals}
    return Contribution(values, diagnostics)


def _solve(
    process: Process, state: State, gradient: Tensor, damping: float, limit: int, tolerance: float
) -> tuple[Tensor, int, float]:
    """(G + damping·I)^{-1} gradient [p], the iterations used, and the relative residual reached."""
    size, iterations = len(gradient), 0

    def matvec(vector: np.ndarray) -> np.ndarray:
        v = torch.from_numpy(np.asarray(vector).reshape(-1)).to(gradient)
        product = gauss_newton_product(process, state, v).add(v, alpha=damping)
        return product.double().cpu().numpy()

    def count(_: np.ndarray) -> None:
        nonlocal iterations
        iterations += 1

    target = gradient.double().cpu().numpy()
    operator = LinearOperator((size, size), matvec=matvec, dtype=np.float64)
    solution, _ = cg(operator, target, rtol=tolerance, maxiter=limit, callback=count)
    norm = np.linalg.norm(target)
    residual = float(np.linalg.norm(operator @ solution - target) / norm) if norm else 0.0
    return torch.from_numpy(solution).to(gradient), iterations, residual
