"""In-run Data Shapley: what each step of this one training changed, shared out among the samples that made it.

    c[q, n] = − Σ_t ⟨∇f_q(θ_{t−1}) + ½ H_q(θ_{t−1}) Δθ_t,  δ_{n,t}⟩        Δθ_t = Σ_n δ_{n,t} + decay,   H_q = ∇²f_q

A step's change of the query, to first or second order, is a game among the parts δ that the step is made of, and its
Shapley value is exactly this: each part has its slope, and half of its product with the others (Wang, Mittal, Song and
Jia, ICLR 2025, who take plain SGD). With momentum a sample's part goes on through the velocity into later steps; the
optimizer's own pull-back adds them up, from the last step to the first. It says what the samples did as they came, not
what the training would do without them: no step sees what a sample changed before.

Index letters: q queries, n samples, t steps, p parameters.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.process.state import State
from hydra_steps.progress import Progress
from hydra_steps.registry.decorators import method
from hydra_steps.registry.types import Window
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.epochs import add_part, epoch_arrays, epoch_parts
from hydra_steps.scoring.gradient_products import batch_products
from hydra_steps.trajectory.trajectory import Trajectory


@method(
    "in_run_shapley",
    average=False,
    title="In-run Data Shapley",
    unit="query",
    computes="every step's change of the query, to first or second order, shared out among its batch",
    cost="at every step the query's gradient, with a Hessian product for the second order, and the batch's products",
    needs="the states before every step",
    use="who moved the query during this one training, at the price of looking at the query at every step",
    by_epoch=True,
    work={"steps": "0.3", "steps_per_query": "4 * order"},
    memory="q * p * (1 + s)",
    colour="#D45087",
    marker="<",
    order=250,
)
def in_run_shapley(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    order: Literal[1, 2] = 1,
    window: Window = None,
    by_epoch: bool = False,
) -> Contribution:
    """In-run Data Shapley of first or second order.

    c[q, n] [q, n] float64, in the query's unit; positive helps.

    ``by_epoch`` also gives c by epoch [e, q, n].

    Options:
        order: 1 takes the query's slope, 2 its curvature as well.
        window: The steps that count, as `{last_epochs: 2}` or `{from_step: 100}`. null takes the whole training.
    """
    trajectory = trajectory.within(window)
    process = trajectory.process
    values = torch.zeros(len(queries), process.samples, dtype=torch.float64, device=process.device)
    parts = epoch_parts(trajectory, len(queries), by_epoch)
    after = trajectory.final_state
    slots_bar = after.parameters.new_zeros(len(queries), *after.slots.shape)
    with Progress(total=trajectory.steps, desc="in-run", unit="step", mininterval=1) as bar:
        for segment in trajectory.segments(reverse=True):
            for step in range(segment.stop - 1, segment.start - 1, -1):
                state, batch = segment.states[step - segment.start], process.batch(step)
                slope = _slopes(queries, state, after.parameters - state.parameters if order == 2 else None)
                gradient = None
                if not process.optimizer.linear:
                    gradient = process.gradient(state.parameters, state.buffers, batch, trajectory.weights)[0]
                before = (state.parameters, state.slots, gradient)
                _, slots_bar, u = process.optimizer.pullback(
                    before, trajectory.rates[step], step, slope, slots_bar
                )
                products = batch_products(process, state, batch, u, trajectory.weights).double()
                values.index_add_(1, batch.index, products, alpha=-1 / len(batch))
                add_part(parts, trajectory, step, batch.index, -products / len(batch))
                after = state
                bar.update()
    return Contribution(values, {}, epoch_arrays(parts))


def _slopes(queries: QuerySet, state: State, step: Tensor | None) -> Tensor:
    """∇f_q(θ) [q, p], and half the query's Hessian times the ``step`` [p] added where it is given."""
    if step is None:
        return queries.gradients(state)
    rows = []
    for query in queries.queries:
        leaf = state.parameters.detach().requires_grad_()
        (slope,) = torch.autograd.grad(queries.value(query, leaf, state.buffers), leaf, create_graph=True)
        bend = torch.zeros_like(leaf)
        if slope.requires_grad:  # not where the query is linear in the parameters
            (bend,) = torch.autograd.grad(slope @ step, leaf)
        rows.append(slope.detach() + bend / 2)
    return torch.stack(rows) if rows else state.parameters.new_zeros(0, len(state.parameters))
