"""HyDRA in reverse: exact, Gauss–Newton, and Hessian-free in closed form; all N samples per query in one pass.

Hypergradient Data Relevance Analysis, AAAI 2021 (arXiv 2102.02515). The paper unrolls dθ_T/dw_n forwards, one
vector per sample, and drops the Hessian to afford it; pulled backwards, one vector per query gives every
sample's contribution.

With the Hessian dropped and an optimizer that is linear (SGD), the cotangent of g_t is κ_t g_q for a scalar
κ_t that depends only on (η, μ, λ), so  c[q, n] = −Σ_t [n∈B_t] (κ_t/|B_t|) ⟨g_q, ∇ℓ_n(θ_{t−1})⟩,  g_q = ∇f_q(θ_T).
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from hydra_steps.process.linearised import Curvature
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.process.seen import cotangents_of_seen
from hydra_steps.process.state import State
from hydra_steps.progress import Progress
from hydra_steps.registry.decorators import method
from hydra_steps.registry.types import QueriesAtOnce, Window
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.epochs import add_part, epoch_arrays, epoch_parts
from hydra_steps.scoring.gradient_products import batch_products
from hydra_steps.scoring.sweep import Sweep, reverse_sweep
from hydra_steps.trajectory.trajectory import Trajectory

# A number c; c times the identity is added to the curvature.
Proxy = Annotated[float, "0 <= x <= 1e6"]
QUERY_MEMORY = 10**9  # bytes for the queries of one pass


def _swept(
    trajectory: Trajectory,
    queries: QuerySet,
    curvature: Curvature,
    *,
    queries_at_once: int | None,
    by_epoch: bool,
    proxy: float = 0.0,
    hyper: bool = False,
) -> Contribution:
    cotangents = queries.cotangents(trajectory.final_state)
    chunk = queries_at_once or queries_within_memory(trajectory)
    parts = epoch_parts(trajectory, len(queries), by_epoch)
    sweeps = []
    for start in range(0, len(queries), chunk):
        part = State(*(rows[start : start + chunk] for rows in cotangents))
        own = None if parts is None else parts[:, start : start + chunk]
        sweeps.append(
            reverse_sweep(trajectory, part, curvature, proxy, hyper=hyper, progress=True, parts=own)
        )
    if not sweeps:
        return Contribution(torch.zeros(0, trajectory.process.samples))
    values = torch.cat([s.contribution for s in sweeps])
    arrays = _arrays(sweeps, hyper) | epoch_arrays(parts)
    diagnostics = _diagnostics(sweeps, queries, trajectory)
    if sweeps[0].left_out:
        diagnostics["hypergradients_left_out"] = sweeps[0].left_out
    return Contribution(values, diagnostics, arrays)


def queries_within_memory(trajectory: Trajectory) -> int:
    """How many queries one pass over the trajectory can carry in ``QUERY_MEMORY`` bytes, at least one.

    A query takes its cotangents, as large as a state, about four times (before, after and between), and its
    contributions [n] in float64.
    """
    state = trajectory.process.initial_state()
    numbers = state.parameters.numel() + state.slots.numel() + state.buffers.numel()
    each = 4 * numbers * state.parameters.element_size() + 8 * trajectory.process.samples
    return max(1, QUERY_MEMORY // each)


def _diagnostics(sweeps: list[Sweep], queries: QuerySet, trajectory: Trajectory) -> dict[str, Any]:
    """How much the cotangent grew on its way back, per query: its largest norm over its norm at the end of training,
    None where that is 0."""
    if not trajectory.steps:
        return {}
    norms = torch.cat([s.norms for s in sweeps], 1)
    pairs = zip(norms.amax(0).tolist(), norms[-1].tolist(), strict=True)
    growth = [largest / last if last else None for largest, last in pairs]
    return {
        "sweep_growth": dict(zip(queries.names, growth, strict=True)),
        "largest_replay_deviation": trajectory.largest_deviation,
    }


def _arrays(sweeps: list[Sweep], hyper: bool) -> dict[str, np.ndarray]:
    """``sweep_norm`` [t, q]; and where asked for, ``hypergradient_initial_parameters`` [q, p],
    ``hypergradient_learning_rate`` [t, q] and ``hypergradient_<constant>`` [q]: ∂f_q/∂(that value)."""
    arrays = {"sweep_norm": torch.cat([s.norms for s in sweeps], 1).numpy()}
    if hyper:
        arrays["hypergradient_initial_parameters"] = (
            torch.cat([s.initial.parameters for s in sweeps]).cpu().numpy()
        )
        for name in sweeps[0].hyper:
            axis = 1 if name == "learning_rate" else 0
            arrays[f"hypergradient_{name}"] = torch.cat([s.hyper[name] for s in sweeps], axis).numpy()
    return arrays


@method(
    "hydra_exact",
    title="Exact HyDRA",
    unit="query",
    computes="the exact hypergradient: the reverse sweep with the batch's full Hessian",
    cost="about two trainings for one query, little more than one for each of several; all samples",
    needs="the states before every step",
    use="the reference: what removing a sample would do, on smooth models almost exactly",
    by_epoch=True,
    work={"steps": "0.2", "steps_per_query": "1.8"},
    memory="q * p * (1 + s)",
    colour="#0072B2",
    marker="o",
    order=10,
)
def hydra_exact(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    curvature_proxy: Proxy = 0.0,
    hypergradients: bool = False,
    queries_at_once: QueriesAtOnce = None,
    window: Window = None,
    by_epoch: bool = False,
) -> Contribution:
    """HyDRA with the exact Hessian, by one reverse sweep through the trajectory.

    c[q, n] [q, n] float64, in the query's unit; positive helps. See :func:`reverse_sweep` for cost and errors.

    ``by_epoch`` also gives c by epoch [e, q, n].

    Options:
        curvature_proxy: A number c; c times the identity is added to the curvature, which the Hessian-free form
            drops otherwise.
        hypergradients: Also give the derivatives by learning rate (per step), weight decay, momentum and initial
            parameters.
        queries_at_once: Queries in one sweep, to save memory. null takes as many as fit 1 GB.
        window: The steps from which on the data weights count, as `{last_epochs: 2}` or `{from_step: 100}`: the sweep
            ends there. null takes the whole training.
    """
    return _swept(
        trajectory.within(window),
        queries,
        Curvature.EXACT,
        queries_at_once=queries_at_once,
        by_epoch=by_epoch,
        proxy=curvature_proxy,
        hyper=hypergradients,
    )


@method(
    "hydra_gauss_newton",
    title="Gauss–Newton HyDRA",
    unit="query",
    computes="the reverse sweep with the Gauss–Newton matrix for the Hessian; it cannot blow up",
    cost="about one and a half trainings for one query, under one for each of several; all samples",
    needs="the states before every step",
    use="nearly as good as the reference, and safe where the exact sweep grows too large",
    by_epoch=True,
    work={"steps": "0.2", "steps_per_query": "1.4"},
    memory="q * p * (1 + s)",
    colour="#009E73",
    marker="s",
    line=(0, (5, 1)),
    order=20,
)
def hydra_gauss_newton(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    queries_at_once: QueriesAtOnce = None,
    window: Window = None,
    by_epoch: bool = False,
) -> Contribution:
    """HyDRA with the generalised Gauss–Newton matrix in the Hessian's place.

    c[q, n] [q, n] float64, in the query's unit; positive helps. See :func:`reverse_sweep` for cost and errors.

    Options:
        queries_at_once: Queries in one sweep, to save memory. null takes as many as fit 1 GB.
        window: The steps from which on the data weights count, as `{last_epochs: 2}` or `{from_step: 100}`: the sweep
            ends there. null takes the whole training.
    """
    return _swept(
        trajectory.within(window),
        queries,
        Curvature.GAUSS_NEWTON,
        queries_at_once=queries_at_once,
        by_epoch=by_epoch,
    )


@method(
    "hydra_hessian_free",
    title="Hessian-free HyDRA",
    unit="query",
    computes="the paper's approximation: the Hessian dropped (or replaced by curvature_proxy·I), in closed form",
    cost="under one training for one query, under a tenth per query for many",
    needs="the states before every step",
    use="wrong labels at the price of about one training; weak at predicting re-training",
    by_epoch=True,
    work={"steps": "0.7", "steps_per_query": "0.1"},
    memory="q * p * (1 + s)",
    colour="#56B4E9",
    marker="D",
    line=(0, (3, 1, 1, 1)),
    order=30,
)
def hydra_hessian_free(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    curvature_proxy: Proxy = 0.0,
    queries_at_once: QueriesAtOnce = None,
    window: Window = None,
    by_epoch: bool = False,
) -> Contribution:
    """HyDRA with the Hessian dropped, the paper's fast form, in closed form.

    c[q, n] [q, n] float64, in the query's unit; positive helps. ``curvature_proxy`` c replaces H by c·I. For
    optimizers that are not linear the sweep runs step by step without curvature, since κ_t is then a vector.

    Options:
        curvature_proxy: A number c; c times the identity is added to the curvature, which the Hessian-free form
            drops otherwise.
        queries_at_once: Queries in one sweep, to save memory. null takes as many as fit 1 GB.
        window: The steps from which on the data weights count, as `{last_epochs: 2}` or `{from_step: 100}`: the sweep
            ends there. null takes the whole training.
    """
    trajectory = trajectory.within(window)
    if not trajectory.process.optimizer.linear:
        return _swept(
            trajectory,
            queries,
            Curvature.NONE,
            queries_at_once=queries_at_once,
            by_epoch=by_epoch,
            proxy=curvature_proxy,
        )
    process = trajectory.process
    gradients = queries.gradients(trajectory.final_state)  # [q, p]
    factors = impulse_factors(trajectory, curvature_proxy)
    values = torch.zeros(len(queries), process.samples, dtype=torch.float64, device=process.device)
    parts = epoch_parts(trajectory, len(queries), by_epoch)
    with Progress(total=trajectory.steps, desc="hessian-free", unit="step", mininterval=1) as bar:
        for segment in trajectory.segments():
            for step, state in enumerate(segment.states, segment.start):
                batch = process.batch(step)
                products = batch_products(process, state, batch, gradients, trajectory.weights)  # [q, b]
                factor = -factors[step].item() / len(batch)
                values.index_add_(1, batch.index, products.double(), alpha=factor)
                add_part(parts, trajectory, step, batch.index, factor * products)
                bar.update()
    diagnostics = {"largest_replay_deviation": trajectory.largest_deviation}
    return Contribution(values, diagnostics, epoch_arrays(parts))


def impulse_factors(trajectory: Trajectory, curvature_proxy: float = 0.0) -> Tensor:
    """κ_t [t] float64: the cotangent of g_t per unit of ∇f_q, by the optimizer's own pull-back of one number."""
    optimizer = trajectory.process.optimizer
    nothing, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    parameters_bar, slots_bar, _ = cotangents_of_seen(trajectory.process, one, nothing)
    factors = torch.zeros(trajectory.steps, dtype=torch.float64)
    for step in reversed(range(trajectory.steps)):
        before = (nothing, nothing.expand(optimizer.slots, 1), None)
        parameters_bar, slots_bar, u = optimizer.pullback(
            before, trajectory.rates[step], step, parameters_bar, slots_bar
        )
        parameters_bar = parameters_bar + curvature_proxy * u
        factors[step] = u.item()
    return factors
