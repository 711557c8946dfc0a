"""The gradient product: one step of descent on sample n, seen by the query, at the final state.

c[q, n] = ⟨∇f_q(θ_T), ∇ℓ_n(θ_T)⟩ · (Σ_t η_t / T) · E / |B|  is the change of f_q that Σ_t [n∈B_t] η_t/|B_t|
plain gradient steps without sample n would leave out, all taken at θ_T: the first-order estimate with every
step replaced by the last one.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hydra_steps.process.linearise import linearise
from hydra_steps.process.linearised import Curvature
from hydra_steps.process.process import Batch, Process
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.process.state import State
from hydra_steps.registry.decorators import method
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.gradient_products import batch_products
from hydra_steps.trajectory.trajectory import Trajectory

CHUNK = 64  # samples per pass: with all directions at once, what stays in a processor's caches


def final_products(process: Process, state: State, directions: Tensor) -> Tensor:
    """⟨d_q, ∇ℓ_n(θ)⟩ [q, n] float64 for all training samples in evaluation mode, without augmentation.

    ``directions`` [q, p]. Where evaluation and training mode are one, the products are those of a training batch;
    else no gradient is materialised.
    """
    if not len(directions):
        return torch.zeros(0, process.samples, dtype=torch.float64)
    as_in_training = not process.model.coupled and not process.keyed
    parts = [torch.zeros(len(directions), 0, dtype=torch.float64, device=process.device)]
    for index in torch.arange(process.samples, device=process.device).split(CHUNK):
        batch = Batch(index, process.inputs[index], process.targets[index], None)
        if as_in_training:
            products = batch_products(process, state, batch, directions)
        else:
            products = linearise(
                process, state.parameters, state.buffers, batch, directions, Curvature.NONE, training=False
            ).slopes
        parts.append(products.double())
    return torch.cat(parts, 1)


def step_sizes(trajectory: Trajectory) -> Tensor:
    """Σ_t [n∈B_t] η_t/|B_t| for every sample: [n] float64, how far plain gradient descent moved along each."""
    total = np.zeros(trajectory.process.samples)
    for row, rate in zip(trajectory.process.table, trajectory.rates, strict=True):
        batch = row[row >= 0]
        np.add.at(total, batch, rate / len(batch))
    return torch.from_numpy(total)


@method(
    "gradient_product",
    title="Gradient product",
    unit="query",
    computes="product of the final query gradient and the sample's final gradient, times the steps it took part in",
    cost="a fraction of one epoch per query",
    use="the simplest score with a unit",
    work={"gradients": "2", "gradients_per_query": "1"},
    memory="q * p",
    colour="#882255",
    marker="X",
    line=(0, (5, 1)),
    order=110,
)
def gradient_product(
    trajectory: Trajectory,
    queries: QuerySet,
) -> Contribution:
    """Product of the query's and the sample's gradient at the final state.

    c[q, n] [q, n] float64 in the query's unit (a crude prediction: momentum and the path are left out).
    """
    final = trajectory.final_state
    products = final_products(trajectory.process, final, queries.gradients(final))
    return Contribution(products * step_sizes(trajectory).to(products.device))
