"""The gradient product: one step of descent on sample n, seen by the query, at the final state.

c[q, n] = ⟨∇f_q(θ_T), ∇ℓ_n(θ_T)⟩ · (Σ_t η_t / T) · E / |B|  is the change of f_q that Σ_t [n∈B_t] η_t/|B_t|
plain gradient steps without sample n would leave out, all taken at θ_T: the first-order estimate with every
step replaced by the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hydra_steps.process.linearise import TOGETHER
from hydra_steps.process.process import Batch, Process
from hydra_steps.process.queries import QuerySet
from hydra_steps.process.state import State
from hydra_steps.process.trajectory import Trajectory
from hydra_steps.scoring.gradient_products import batch_products
from hydra_steps.scoring.registry import Contribution, scorer

CHUNK = 64  # samples per pass: with all directions at once, what stays in a processor's caches


def final_products(process: Process, state: State, directions: Tensor) -> Tensor:
    """⟨d_q, ∇ℓ_n(θ)⟩ [q, n] float64 for all training samples in evaluation mode, without augmentation.

    ``directions`` [q, p]. Where evaluation and training mode are one, the products are those of a training batch;
    else the directions share the primal pass, and no gradient is materialised.
    """
    if not len(directions):
        return torch.zeros(0, process.samples, dtype=torch.float64)
    if not process.model.coupled and not process.keyed:
        whole = torch.arange(process.samples, device=process.device)
        return torch.cat(
            [
                batch_products(
                    process,
                    state,
                    Batch(index, process.images[index], process.labels[index], None),
                    directions,
                ).double()
                for index in whole.split(CHUNK)
            ]
            or [torch.zeros(len(directions), 0, dtype=torch.float64)],
            1,
        )
    parts = []
    for images, labels in zip(process.images.split(CHUNK), process.labels.split(CHUNK), strict=True):

        def logits_of(parameters: Tensor, images: Tensor = images) -> Tensor:
            return process.model.logits(parameters, state.buffers, images)

        def push(direction: Tensor, logits_of: Callable[[Tensor], Tensor] = logits_of) -> Tensor:
            return torch.func.jvp(logits_of, (state.parameters,), (direction,))[1]

        with torch.no_grad():
            tangents = torch.func.vmap(push, chunk_size=TOGETHER // CHUNK)(directions)
            slopes = process.loss.slope(logits_of(state.parameters), labels)
            parts.append((slopes * tangents).sum(-1).double())
    return torch.cat(parts, 1) if parts else torch.zeros(len(directions), 0, dtype=torch.float64)


def step_sizes(trajectory: Trajectory) -> Tensor:
    """Σ_t [n∈B_t] η_t/|B_t| for every sample: [n] float64, how far plain gradient descent moved along each."""
    total = np.zeros(trajectory.process.samples)
    for row, rate in zip(trajectory.process.table, trajectory.rates, strict=True):
        members = row[row >= 0]
        np.add.at(total, members, rate / len(members))
    return torch.from_numpy(total)


@scorer(
    "gradient_product",
    unit="query",
    summary="product of the final query gradient and the sample's final gradient, times the steps it took part in",
    cost="a fraction of one epoch per query",
    use="the simplest score with a unit",
)
def gradient_product(trajectory: Trajectory, queries: QuerySet, options: Mapping[str, Any]) -> Contribution:
    """c[q, n] [q, n] float64 in the query's unit (a crude prediction: momentum and the path are left out)."""
    final = trajectory.final_state
    products = final_products(trajectory.process, final, queries.cotangents(final).parameters)
    return Contribution(products * step_sizes(trajectory).to(products.device))
