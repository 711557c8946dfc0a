"""Influence functions at the final state, with the inverse curvature by conjugate gradients (scipy).

    c[q, n] = (1/N) ⟨(C + (d + λ) I)^{-1} ∇f_q(θ_T), ∇ℓ_n(θ_T)⟩

C is the Gauss–Newton matrix or the Hessian of the mean training loss (1/N) Σ ℓ_n, d the stated damping, and λ what the
weight decay adds to the curvature where the training comes to rest: weight_decay, unless it is decoupled from the
gradient. Then the optimizer's own update tells it: weight_decay (1 − μ)/(1 − dampening) for SGD with momentum μ, and
weight_decay (√v̂ + ε), another number for each parameter, for AdamW with second moments v̂. Koh and Liang, ICML 2017,
with our weights w_n = 1 + N ε_n. On a converged, strictly convex problem d = 0 gives the leave-one-out change to first
order.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, cg
from torch import Tensor

from hydra_steps.errors import Diverged
from hydra_steps.process.optimizers.protocol import add_scaled
from hydra_steps.process.process import Process
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.process.state import State
from hydra_steps.progress import Progress
from hydra_steps.registry.decorators import method
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.curvature import curvature_product, decay_curvature, mean_damping
from hydra_steps.scoring.gradients import final_products
from hydra_steps.trajectory.trajectory import Trajectory

Damping = Annotated[float, "0 < x <= 1e6"]
TINY = 1e-15  # a norm below it may be wrong, or 0, for lack of precision


@method(
    "influence_cg",
    title="Influence (CG)",
    unit="query",
    computes="influence function, the Gauss–Newton matrix or the Hessian inverted by conjugate gradients",
    cost="about one epoch per iteration and query; tens of iterations",
    use="the reference among influence functions, where its cost can be borne",
    work={"gradients": "2", "gradients_per_query": "2 * iterations"},
    memory="9 * q * p",
    colour="#D55E00",
    marker="^",
    order=50,
)
def influence_cg(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    matrix: Literal["gauss_newton", "hessian"] = "gauss_newton",
    damping: Damping = 0.01,
    iterations: Annotated[int, "1 <= x <= 100000"] = 50,
    tolerance: Annotated[float, "0 < x < 1"] = 1e-3,
) -> Contribution:
    """Influence function at the final state, by conjugate gradients.

    c[q, n] [q, n] float64, in the query's unit; positive helps. The diagnostics tell iterations, residuals and
    the effective damping d + λ. Raises :class:`Diverged` when the residual does not fall, or where the damped
    Hessian has a negative curvature.

    Options:
        matrix: The matrix that is inverted. The Hessian of a network needs a damping above its most negative
            eigenvalue.
        damping: Added to the matrix's diagonal, besides the weight decay.
        iterations: Most iterations for a query.
        tolerance: Relative residual at which the iterations stop.
    """
    process, final = trajectory.process, trajectory.final_state
    added = damping + decay_curvature(trajectory)
    effective = mean_damping(added)
    gradients = queries.gradients(final)
    solutions, taken, residuals = solve(process, final, gradients, added, iterations, tolerance, matrix)
    diverged = [name for name, residual in zip(queries.names, residuals, strict=True) if not residual < 1]
    if diverged:
        raise Diverged(
            f"conjugate gradients diverged for {', '.join(diverged)}: relative residual {max(residuals):.3g} after "
            f"{taken} iterations at effective damping {effective:g}",
            "a residual below 1",
            "raise the method's damping, or use compute.dtype float64",
        )
    values = final_products(process, final, solutions) / process.samples
    residual = dict(zip(queries.names, residuals, strict=True))
    diagnostics = {"effective_damping": effective, "iterations": taken, "relative_residual": residual}
    return Contribution(values, diagnostics)


def solve(
    process: Process,
    state: State,
    targets: Tensor,
    damping: float | Tensor,
    limit: int,
    tolerance: float,
    matrix: str = "gauss_newton",
) -> tuple[Tensor, int, list[float]]:
    """(C + D)^{-1} v_q [q, p] for ``targets`` v [q, p], the iterations used, and the residual of each query.

    D is the ``damping`` on the diagonal, a number or one per parameter [p].

    All queries are one system with a block-diagonal matrix, their right-hand sides scaled to length one: each
    iteration is one pass over the data, and since every block has the same spectrum none is slowed down by the
    others. Raises :class:`Diverged` at a direction along which the damped matrix is not positive.
    """
    if not len(targets):
        return targets, 0, []
    iterations = 0
    # Squares of small numbers vanish in single precision.
    scale, exact = (
        torch.linalg.vector_norm(targets, dim=1, keepdim=True, dtype=of) for of in (None, torch.float64)
    )
    scale = scale.where(scale > TINY, exact.to(targets))
    scale = scale.where(scale > 0, 1)
    right = (targets / scale).double().cpu().numpy()

    def matvec(stacked: np.ndarray) -> np.ndarray:
        v = torch.from_numpy(np.asarray(stacked).reshape(right.shape)).to(targets)
        product = add_scaled(curvature_product(process, state, v, matrix), damping, v)
        _check_positive(v, product, mean_damping(damping), matrix)
        return product.double().cpu().numpy().reshape(-1)

    with Progress(total=limit, desc="conjugate gradients", unit="iteration", mininterval=1) as bar:

        def count(_: np.ndarray) -> None:
            nonlocal iterations
            iterations += 1
            bar.update()

        operator = LinearOperator((right.size, right.size), matvec=matvec, dtype=np.float64)
        solution, _ = cg(operator, right.reshape(-1), rtol=tolerance, maxiter=limit, callback=count)
    left = (operator @ solution).reshape(right.shape)
    residuals = np.linalg.norm(left - right, axis=1).tolist()
    return torch.from_numpy(solution.reshape(right.shape)).to(targets) * scale, iterations, residuals


def _check_positive(v: Tensor, product: Tensor, damping: float, matrix: str) -> None:
    """Refuse a direction v_q with ⟨v_q, (C + damping·I) v_q⟩ < 0: conjugate gradients would follow it anywhere."""
    curvature = (v * product).sum(1) / v.square().sum(1).clamp_min(torch.finfo(v.dtype).tiny)
    lowest = curvature.min().item()
    if not lowest >= -torch.finfo(v.dtype).eps * product.abs().max().item():
        raise Diverged(
            f"the {matrix.replace('_', '-')} matrix is not positive definite at effective damping {damping:g}: "
            f"its curvature along a search direction is {lowest:.3g}",
            "a positive curvature along every direction",
            f"raise the method's damping by more than {-lowest:.3g}, or set its matrix to gauss_newton",
        )
