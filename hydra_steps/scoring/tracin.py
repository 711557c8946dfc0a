"""TracIn over checkpoints: the training as plain descent, its gradients taken at a few states.

    c[q, n] = Σ_i a_{n,i} ⟨∇f_q(θ_{t_i}), ∇ℓ_n(θ_{t_i})⟩,      a_{n,i} = Σ_{t_{i−1} < t ≤ t_i} [n∈B_t] m η_t / |B_t|

Pruthi et al., NeurIPS 2020 (TracInCP), in data weights: checkpoint i stands for the steps since the one before it,
and a sample counts as often as it was drawn in them. m = (1−d)/(1−μ) is how often momentum μ with
dampening d repeats a step in the long run.
Written on this package's own gradient products, since the states are in the trajectory store and the products
cost no per-sample gradient; captum's TracInCP is the second implementation in the tests.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from hydra_steps.process.process import Process
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.process.seen import seen
from hydra_steps.registry.decorators import method
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.epochs import epoch_arrays, epoch_parts
from hydra_steps.scoring.gradients import final_products
from hydra_steps.scoring.modules import epoch_ends
from hydra_steps.trajectory.trajectory import Trajectory


@method(
    "tracin",
    title="TracIn",
    unit="query",
    computes="products of the query's and the sample's gradient at checkpoints, times the steps that each stands for",
    cost="a fraction of one epoch per checkpoint and query",
    needs="the states at the ends of epochs",
    use="a cheap score that looks at the whole training, without its curvature",
    by_epoch=True,
    work={"gradients": "2 * e", "gradients_per_query": "e"},
    memory="q * p",
    colour="#CC79A7",
    marker="P",
    order=100,
)
def tracin(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    checkpoints: Annotated[int | None, "x >= 1"] = None,
    by_epoch: bool = False,
) -> Contribution:
    """TracIn, products of gradients at the ends of epochs.

    c[q, n] [q, n] float64 in the query's unit (a crude prediction: no step sees what a sample changed before).

    ``by_epoch`` also gives c by epoch [e, q, n].

    Options:
        checkpoints: Number of epochs' ends, spread evenly with the last among them. null takes all.
    """
    process = trajectory.process
    parts = epoch_parts(trajectory, len(queries), by_epoch)
    steps = checkpoint_steps(trajectory, checkpoints)
    values = torch.zeros(len(queries), process.samples, dtype=torch.float64, device=process.device)
    for before, step in zip([0, *steps], steps, strict=False):
        state = seen(process, trajectory.state(step))
        products = final_products(process, state, queries.gradients(state))
        values += products.to(values) * lengths(trajectory, before, step).to(values)
        for epoch in range(before // process.steps_per_epoch, step // process.steps_per_epoch):
            if parts is not None:
                first = epoch * process.steps_per_epoch
                length = lengths(trajectory, first, first + process.steps_per_epoch)
                parts[epoch] = (products * length.to(products)).to(parts)
    return Contribution(values, {"checkpoints": steps}, epoch_arrays(parts))


def checkpoint_steps(trajectory: Trajectory, count: int | None) -> list[int]:
    """``count`` ends of epochs spread evenly, the last one among them; all for None or where there are fewer."""
    ends = epoch_ends(trajectory)
    if count is None or count >= len(ends):
        return ends
    return [ends[-1 - (i * len(ends)) // int(count)] for i in reversed(range(int(count)))]


def lengths(trajectory: Trajectory, first: int, last: int) -> Tensor:
    """a_n = Σ_{first ≤ t < last} [n∈B_t] m η_t / |B_t| [n] float64, steps counted from 0."""
    total = np.zeros(trajectory.process.samples)
    for row, rate in zip(
        trajectory.process.table[first:last], list(trajectory.rates)[first:last], strict=True
    ):
        batch = row[row >= 0]
        np.add.at(total, batch, rate / len(batch))
    return torch.from_numpy(total * repeats(trajectory.process))


def repeats(process: Process) -> float:
    """m = (1 − d) / (1 − μ), how often momentum μ with dampening d repeats a step in the long run."""
    options = process.settings.training.optimizer.options
    momentum, dampening = (float(options.get(name, 0.0)) for name in ("momentum", "dampening"))
    return (1 - dampening) / (1 - momentum) if momentum else 1.0
