"""HyDRA forward, the paper's Algorithm 1: one hypergradient h_n = dθ/dw_n per tracked sample, carried along
the training.

    ṁ_t = μ ṁ_{t−1} + λ h_{t−1} + [n∈B_t] (1/|B_t|) ∇ℓ_n(θ_{t−1}) + H_t(θ_{t−1}) h_{t−1}
    h_t = h_{t−1} − η_t ṁ_t
    c[q, n] = −⟨∇f_q(θ_T), h_T⟩

in data weights (the paper's ε-hypergradient is N times ours). With ``hessian: false`` the H term is dropped:
the paper's approximation. It costs one Hessian-vector product per tracked sample and step, and 2P numbers per
sample; it is here as the reference and as the measured cost of the paper's way. The reverse sweep gives the
same numbers for all samples.

Index letters: k tracked samples, q queries, e epochs, p parameters, b batch, r buffers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

from hydra_steps.errors import StudyError
from hydra_steps.process.batches import ABSENT
from hydra_steps.process.linearise import linearise
from hydra_steps.process.linearised import Curvature
from hydra_steps.process.process import Batch, Process
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.process.state import State
from hydra_steps.progress import Progress
from hydra_steps.registry.decorators import method
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.gradient_products import per_sample_gradients
from hydra_steps.trajectory.trajectory import Trajectory

Tracked = Annotated[list[Annotated[int, "x >= 0"]] | None, {"minItems": 1, "uniqueItems": True}]


@method(
    "hydra_forward",
    title="Forward HyDRA",
    unit="query",
    computes="the paper's Algorithm 1, with or without Hessian, for a tracked part of the samples",
    cost="with Hessian: about two trainings per tracked sample; without: storage of 2P numbers per tracked sample",
    needs="the whole training, step by step",
    use="to repeat the paper's own algorithm on a few samples",
    work={"steps": "1 + 2.5 * (max(1, round(fraction * n)) if samples is None else len(samples))"},
    memory="(max(1, round(fraction * n)) if samples is None else len(samples))"
    " * p * (3 + 2 * s + keep_hypergradients * e)",
    require={"samples is None or max(samples) < n": "positions of training samples, from 0"},
    colour="#3366AA",
    marker="8",
    line=(0, (1, 1)),
    order=45,
)
def hydra_forward(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    hessian: bool = True,
    fraction: Annotated[float, "0 < x <= 1"] = 0.01,
    samples: Tracked = None,
    keep_hypergradients: bool = False,
) -> Contribution:
    """The paper's forward recurrence, one hypergradient per tracked sample.

    c[q, n] [q, n] float64 in the query's unit, NaN for samples that are not tracked; positive helps. Arrays
    beside the contribution: ``tracked`` [k], ``epoch_contribution`` [e, q, k] (the queries' gradients and the
    hypergradients both at the end of epoch e), and if kept ``hypergradient`` [e, k, p]. Raises
    :class:`StudyError` for a tracked sample that is not in the data.

    Options:
        hessian: With the Hessian, or without it (the paper's approximation).
        fraction: Share of the training samples that is tracked, drawn with the run's seed.
        samples: The tracked samples by position, instead of a share.
        keep_hypergradients: Store the hypergradients at the end of each epoch.
    """
    tracked = tracked_samples(trajectory.process, fraction, samples)
    per_epoch, kept = [], []
    for step, state, tangent in forward(trajectory, tracked, hessian):
        if step % trajectory.process.steps_per_epoch == 0:
            per_epoch.append(_contribution(queries.cotangents(state), tangent, hessian))
            if keep_hypergradients:
                kept.append(tangent.parameters.cpu().numpy().copy())
    values = torch.full((len(queries), trajectory.process.samples), torch.nan, dtype=torch.float64)
    arrays: dict[str, np.ndarray] = {"tracked": tracked.cpu().numpy()}
    if per_epoch:
        values[:, tracked.cpu()] = per_epoch[-1]
        arrays["epoch_contribution"] = torch.stack(per_epoch).numpy()
    if kept:
        arrays["hypergradient"] = np.stack(kept)
    return Contribution(values, {"tracked": len(tracked), "hessian": hessian}, arrays)


def tracked_samples(process: Process, fraction: float, samples: Sequence[int] | None = None) -> Tensor:
    """The tracked samples [k], ascending: those listed, or a ``fraction`` drawn with the run's seed."""
    chosen = samples
    if chosen is None:
        count = max(1, round(fraction * process.samples))
        generator = np.random.Generator(np.random.Philox(key=[process.seed, 7_919]))
        chosen = generator.permutation(process.samples)[:count].tolist()
    wrong = [n for n in chosen if not 0 <= n < process.samples]
    if wrong:
        raise StudyError(
            f"hydra_forward is to track sample {wrong[0]}",
            f"positions from 0 to {process.samples - 1}",
            "correct samples",
        )
    return torch.tensor(sorted(set(chosen)), dtype=torch.int64, device=process.device)


def forward(trajectory: Trajectory, tracked: Tensor, hessian: bool) -> Iterator[tuple[int, State, State]]:
    """Yield (t, s_t, tangents of s_t) for t = 1..T: parameters [k, p] = dθ_t/dw_k, slots [k, slot, p], buffers
    [k, r].

    Without Hessian the buffers' tangents stay zero, as in the closed form. Cost per step: k Hessian-vector
    products.
    """
    process = trajectory.process
    start = process.initial_state()
    tangent = State(*(part.new_zeros(len(tracked), *part.shape) for part in start))
    meetings = tracked_in_batches(process, tracked)
    with Progress(total=trajectory.steps, desc="forward", unit="step", mininterval=1) as bar:
        for segment in trajectory.segments():
            following = [*segment.states[1:], None]
            for step, (state, after) in enumerate(zip(segment.states, following, strict=True), segment.start):
                tangent = _step(trajectory, state, tangent, step, meetings[step], hessian)
                bar.update()
                # The state after a segment's last step is the next segment's first: stored, or the final one.
                yield step + 1, after if after is not None else trajectory.load(step + 1), tangent


def tracked_in_batches(process: Process, tracked: Tensor) -> list[tuple[Tensor, Tensor]]:
    """For each step where ``tracked`` [k] samples stand: their positions in its batch [m], and in ``tracked`` [m].

    Read off the whole table of batches at once, so that no step has to ask the device how many there are.
    """
    place = np.full(process.samples, ABSENT)
    place[tracked.cpu().numpy()] = np.arange(len(tracked))
    found = np.where(process.table == ABSENT, ABSENT, place[process.table])
    step, position = np.nonzero(found != ABSENT)
    counts = np.bincount(step, minlength=process.steps).tolist()
    both = torch.from_numpy(np.stack([position, found[step, position]])).to(process.device)
    return [(positions, places) for positions, places in both.split(counts, 1)]


def _step(
    trajectory: Trajectory,
    state: State,
    tangent: State,
    step: int,
    meeting: tuple[Tensor, Tensor],
    hessian: bool,
) -> State:
    """Push the tangents through Φ_step; ``meeting`` is its entry of :func:`tracked_in_batches`."""
    process, batch = trajectory.process, trajectory.process.batch(step)
    gradient_dot = torch.zeros_like(tangent.parameters)
    buffers_dot = tangent.buffers
    if hessian and len(gradient_dot):
        linear = linearise(
            process,
            state.parameters,
            state.buffers,
            batch,
            tangent.parameters,
            Curvature.EXACT,
            trajectory.weights,
            buffers_dot=tangent.buffers if process.model.buffer_layout else None,
        )
        assert linear.parameters_bar is not None
        gradient_dot += linear.parameters_bar  # H is symmetric: pulling back along h is H h
        buffers_dot = linear.buffers_dot
    positions, places = meeting
    if len(positions) and hessian and process.weighs_statistics:
        pushed, buffers_pushed = weight_tangents(process, state, batch, positions, trajectory.weights)
        gradient_dot.index_add_(0, places, pushed)
        buffers_dot = buffers_dot.index_add(0, places, buffers_pushed)
    elif len(positions):
        own = own_gradients(process, state, batch, positions, trajectory.weights) / len(batch)
        gradient_dot.index_add_(0, places, own)
    parameters_dot, slots_dot = _push_update(trajectory, state, batch, step, tangent, gradient_dot)
    return State(parameters_dot, slots_dot, buffers_dot)


def own_gradients(
    process: Process, state: State, batch: Batch, positions: Tensor, weights: Tensor | None = None
) -> Tensor:
    """∇ℓ_n(θ) [m, p] of the samples at ``positions`` [m] of the batch; through all of it where batch norm couples them.

    ``weights`` [n] are the data weights, which its statistics may depend on.
    """
    if not process.model.coupled:
        keys = None if batch.keys is None else batch.keys[positions]
        part = replace(
            batch,
            index=batch.index[positions],
            inputs=batch.inputs[positions],
            targets=batch.targets[positions],
            keys=keys,
        )
        return per_sample_gradients(process, state, part)
    leaf = state.parameters.detach().requires_grad_()
    logits, _ = process.model.train_logits(
        leaf,
        state.buffers,
        batch.inputs,
        batch.keys,
        weights=process.statistics_weights(batch, weights),
    )
    losses = process.loss.values(logits, batch.targets)[positions]
    return torch.stack([torch.autograd.grad(loss, leaf, retain_graph=True)[0] for loss in losses])


def weight_tangents(
    process: Process, state: State, batch: Batch, positions: Tensor, weights: Tensor | None
) -> tuple[Tensor, Tensor]:
    """∂g/∂w_n [m, p] and ∂(the buffers after the step)/∂w_n [m, r] of samples at ``positions`` [m], where the data
    ``weights`` [n] count in batch norm's statistics: ∇ℓ_n / |B|, and what the statistics change of all losses.

    Cost: about two steps of training per sample.
    """
    of_batch = state.parameters.new_ones(len(batch)) if weights is None else weights[batch.index]
    gradients, buffers = [], []
    for position in positions.tolist():
        with forward_ad.dual_level():
            leaf = state.parameters.detach().requires_grad_()
            moved = forward_ad.make_dual(
                of_batch, torch.zeros_like(of_batch).index_fill(0, positions.new_tensor([position]), 1)
            )
            dual, after = process.model.train_logits(
                leaf, state.buffers, batch.inputs, batch.keys, differentiable=True, weights=moved
            )
            logits, logits_dot = forward_ad.unpack_dual(dual)
            after_dot = forward_ad.unpack_dual(after).tangent
            slopes = (process.loss.slope(logits, batch.targets) * logits_dot).sum(-1)
            changed = (slopes * of_batch).sum() + process.loss.values(logits, batch.targets)[position]
            gradients.append(torch.autograd.grad(changed / len(batch), leaf)[0])
            buffers.append(after_dot.detach())
    return torch.stack(gradients), torch.stack(buffers)


def _push_update(
    trajectory: Trajectory, state: State, batch: Batch, step: int, tangent: State, gradient_dot: Tensor
) -> tuple[Tensor, Tensor]:
    """Push (θ̇, slots', ġ) through the optimizer's update; a linear update is its own derivative."""
    optimizer, rate = trajectory.process.optimizer, trajectory.rates[step]

    def update(parameters: Tensor, slots: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
        return optimizer.update(parameters, slots, gradient, rate, step)

    if optimizer.linear:
        return torch.func.vmap(update)(tangent.parameters, tangent.slots, gradient_dot)
    gradient = trajectory.process.gradient(state.parameters, state.buffers, batch, trajectory.weights)[0]
    primals = (state.parameters, state.slots, gradient)

    def push(*dots: Tensor) -> tuple[Tensor, Tensor]:
        parameters_dot, slots_dot = torch.func.jvp(update, primals, dots)[1]
        return parameters_dot, slots_dot

    return torch.func.vmap(push)(tangent.parameters, tangent.slots, gradient_dot)


def _contribution(cotangents: State, tangent: State, hessian: bool) -> Tensor:
    """−⟨∂f_q/∂s, ds/dw_k⟩ [q, k] float64; the buffers count where the Hessian does."""
    products = cotangents.parameters.double() @ tangent.parameters.double().T
    if cotangents.slots.any():
        products = products + cotangents.slots.double().flatten(1) @ tangent.slots.double().flatten(1).T
    if hessian and cotangents.buffers.numel():
        products = products + cotangents.buffers.double() @ tangent.buffers.double().T
    return -products.cpu()
