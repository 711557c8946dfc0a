"""Influence functions in the subspace of the Hessian's largest eigenvalues, by captum's Arnoldi iteration.

    c[q, n] = (1/N) Σ_k ⟨v_k, ∇f_q⟩ ⟨v_k, ∇ℓ_n⟩ / (λ_k + d + λ)

(λ_k, v_k) are the largest eigenpairs of the Hessian of the mean training loss in a Krylov space, λ the weight decay's
curvature (:mod:`hydra_steps.scoring.influence`; its mean over the parameters for AdamW), d the damping; directions
outside the space are left out. Schioppa et al., AAAI 2022. captum works with the sum of the losses, so its
``hessian_reg`` is N (d + λ), and its rows R satisfy Rᵀ R = (1/N) Σ_k v_k v_kᵀ / (λ_k + d + λ).
"""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from hydra_steps.errors import Diverged
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.registry.decorators import method
from hydra_steps.registry.types import Seed
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.curvature import decay_curvature, mean_damping
from hydra_steps.scoring.gradients import final_products
from hydra_steps.scoring.modules import module_at, one_tensor
from hydra_steps.trajectory.trajectory import Trajectory

BATCH = 128

Damping = Annotated[float, "0 < x <= 1e6"]


@method(
    "influence_arnoldi",
    title="Influence (Arnoldi)",
    unit="query",
    computes="influence function in the span of the Hessian's largest eigenvectors (captum)",
    cost="one Hessian product over the data per dimension of the Krylov space, any number of queries",
    use="many queries: the eigenvectors are found once",
    libraries=["captum"],
    work={"gradients": "3 * dimensions", "gradients_per_query": "1"},
    memory="p * (min(dimensions, p) + min(rank, dimensions, p))",
    colour="#C9722E",
    marker=">",
    line=(0, (1, 1)),
    order=80,
    targets=("class", "labels", "numbers"),
)
def influence_arnoldi(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    damping: Damping = 0.01,
    dimensions: Annotated[int, "2 <= x <= 100000"] = 100,
    rank: Annotated[int, "1 <= x <= 100000"] = 50,
    seed: Seed = 0,
) -> Contribution:
    """Influence function in the span of the Hessian's largest eigenvectors, by captum.

    c[q, n] [q, n] float64, in the query's unit; positive helps. The diagnostics tell the rank that was reached.
    Raises :class:`Diverged` where no eigenvalue is positive after damping.

    Options:
        damping: Added to the matrix's diagonal, besides the weight decay.
        dimensions: Dimensions of the Krylov space.
        rank: Most eigenvectors that are kept.
        seed: Seed of the first vector.
    """
    process, final = trajectory.process, trajectory.final_state
    effective = damping + mean_damping(decay_curvature(trajectory))
    rows = eigen_rows(trajectory, effective, dimensions, rank, seed)
    directions = queries.gradients(final) @ rows.T @ rows
    values = final_products(process, final, directions)
    return Contribution(values, {"effective_damping": effective, "rank": len(rows)})


def eigen_rows(trajectory: Trajectory, damping: float, dimensions: int, rank: int, seed: int) -> Tensor:
    """R [k, p] with Rᵀ R the damped inverse of the summed losses' Hessian on its largest k ≤ ``rank`` eigenvectors."""
    # An optional library, slow to import; this class is in no public module of it.
    from captum.influence._core.arnoldi_influence_function import ArnoldiInfluenceFunction

    process = trajectory.process
    with torch.random.fork_rng(devices=[]):
        try:
            found = ArnoldiInfluenceFunction(
                module_at(trajectory),
                DataLoader(
                    TensorDataset(one_tensor(process, "influence_arnoldi"), process.targets), batch_size=BATCH
                ),
                "",
                checkpoints_load_func=lambda module, path: 1.0,  # the module has its parameters
                loss_fn=process.loss.values,  # captum sums the losses of single samples
                projection_dim=rank,
                arnoldi_dim=dimensions,
                arnoldi_tol=1e-8,
                hessian_reg=damping * process.samples,
                hessian_inverse_tol=1e-12,
                seed=seed,
                projection_on_cpu=process.device.type == "cpu",
            )
        except Exception as error:  # captum raises bare exceptions
            if "no positive eigenvalues" not in str(error) and "basis is empty" not in str(error):
                raise
            raise Diverged(
                f"Arnoldi found no positive eigenvalue of the Hessian at effective damping {damping:g}",
                "at least one",
                "raise the method's damping or its dimensions",
            ) from error
    rows = [torch.cat([part.reshape(-1) for part in row]) for row in found.R]
    return torch.stack(rows).to(process.device, process.dtype)
