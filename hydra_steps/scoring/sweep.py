"""The reverse sweep: cotangents pulled back through a recorded training, giving all samples' contributions at once.

For SGD with momentum μ, weight decay λ, rate η_t (method notes, section 4; a denotes ∂f/∂θ_t, r the slot's
cotangent):

    a_T = ∇f_q(θ_T),  r_T = 0
    for t = T..1:   u = r_t − η_t a_t                           cotangent of the gradient g_t
                    c[q, n] −= (1/|B_t|) ⟨u, ∇ℓ_n(θ_{t−1})⟩      n ∈ B_t
                    a_{t−1} = a_t + λ u + H_t u,   r_{t−1} = μ u

which is the vjp of Φ_t; ``optimizer.pullback`` has it for every optimizer and ``linearise`` for every curvature.
Cost with the exact Hessian: two trainings for one query, and where the layers have rules
(:mod:`hydra_steps.tangents.chain`) little more than one for each of several; less for the others. Memory: O(segment +
queries).
Index letters: q queries, n samples, t steps, p parameters, b batch, r buffers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from hydra_steps.errors import Diverged
from hydra_steps.process.linearise import linearise
from hydra_steps.process.linearised import Curvature
from hydra_steps.process.state import State
from hydra_steps.progress import Progress
from hydra_steps.scoring.epochs import add_part
from hydra_steps.scoring.hypergradients import Hypergradients
from hydra_steps.trajectory.trajectory import Segment, Trajectory


@dataclass
class Sweep:
    """What one pass backwards gives.

    ``contribution`` [q, n] float64; ``initial`` the cotangent of s_0 (∂f_q/∂θ_0 in its parameters [q, p]);
    ``norms`` [t, q] the Euclidean norm of the parameters' cotangent before each step; ``hyper`` hypergradients
    by name: ``learning_rate`` [t, q] per step, ``weight_decay`` and ``momentum`` [q] (∂f_q/∂value, summed over
    the steps); ``left_out`` those that do not exist, with the reason.
    """

    contribution: Tensor
    initial: State
    norms: Tensor
    hyper: dict[str, Tensor] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def reverse_sweep(
    trajectory: Trajectory,
    cotangents: State,
    curvature: Curvature = Curvature.EXACT,
    curvature_proxy: float = 0.0,
    hyper: bool = False,
    progress: bool = False,
    parts: Tensor | None = None,
) -> Sweep:
    """Pull ``cotangents`` (parameters [q, p], slots [q, slot, p], buffers [q, r]) at s_T back to s_0.

    ``curvature_proxy`` c adds c·I to the curvature. ``hyper`` asks for the hypergradients of the learning
    rate, weight decay and momentum at one more gradient per step. ``parts`` [e, q, n] takes the contributions by
    epoch (:mod:`hydra_steps.scoring.epochs`). Raises :class:`Diverged` at the first
    non-finite value, with its step. That is looked for once per segment: between two segments nothing is read back
    from the device, so a GPU never waits for the steps' Python.
    """
    process = trajectory.process
    queries = len(cotangents.parameters)
    contribution = torch.zeros(queries, process.samples, dtype=torch.float64, device=process.device)
    norms = torch.zeros(trajectory.steps, queries, dtype=torch.float64, device=process.device)
    hypergradients = Hypergradients(process.optimizer, norms) if hyper else None
    bar = State(*(part.clone() for part in cotangents))
    needs_gradient = hyper or not process.optimizer.linear
    for segment, step in _backwards(trajectory, progress):
        state = segment.states[step - segment.start]
        batch, rate = process.batch(step), trajectory.rates[step]
        gradient = None
        if needs_gradient:
            gradient = process.gradient(state.parameters, state.buffers, batch, trajectory.weights)[0]
        if hypergradients is not None and gradient is not None:
            hypergradients.add(state, gradient, rate, step, bar)
        before = (state.parameters, state.slots, gradient)
        pulled, slots_bar, u = process.optimizer.pullback(before, rate, step, bar.parameters, bar.slots)
        if curvature_proxy:
            pulled = torch.add(pulled, u, alpha=curvature_proxy)
        result = linearise(
            process,
            state.parameters,
            state.buffers,
            batch,
            u,
            curvature,
            trajectory.weights,
            buffers_bar=bar.buffers,
        )
        slopes = result.slopes.double()
        # index_add, not assignment: a sample drawn twice into one batch counts twice.
        contribution.index_add_(1, batch.index, slopes, alpha=-1 / len(batch))
        add_part(parts, trajectory, step, batch.index, -slopes / len(batch))
        if result.statistics_bar is not None:
            contribution.index_add_(1, batch.index, result.statistics_bar.double(), alpha=-1)
            add_part(parts, trajectory, step, batch.index, -result.statistics_bar)
        if result.parameters_bar is not None:
            pulled = pulled + result.parameters_bar
        bar = State(pulled, slots_bar, result.buffers_bar)
        norms[step] = torch.linalg.vector_norm(bar.parameters, dim=1)
        if step == segment.start:
            _require_finite(norms, segment, curvature)
    if hypergradients is None:
        return Sweep(contribution, bar, norms.cpu())
    return Sweep(
        contribution, bar, norms.cpu(), hypergradients.result(), process.optimizer.not_differentiable()
    )


def _backwards(trajectory: Trajectory, progress: bool) -> Iterable[tuple[Segment, int]]:
    """All (segment, step) from the last step to the first."""
    with Progress(
        total=trajectory.steps, desc="sweep", unit="step", disable=not progress, mininterval=1
    ) as bar:
        for segment in trajectory.segments(reverse=True):
            for step in range(segment.stop - 1, segment.start - 1, -1):
                yield segment, step
                bar.update()


def _require_finite(norms: Tensor, segment: Segment, curvature: Curvature) -> None:
    """Raise :class:`Diverged` for the first step backwards through ``segment`` whose norm is not finite."""
    wrong = ~torch.isfinite(norms[segment.start : segment.stop]).all(1)
    if wrong.any():
        raise _diverged(segment.start + int(wrong.nonzero().max()), norms.cpu(), curvature)


def _diverged(step: int, norms: Tensor, curvature: Curvature) -> Diverged:
    last = norms[step + 1].max().item() if step + 1 < len(norms) else math.nan
    return Diverged(
        f"the reverse sweep is no longer finite at step {step} (norm after it: {last:.3g}, at the end of training: "
        f"{norms[-1].max().item():.3g})",
        "a finite hypergradient",
        "use float64 (compute.dtype), a smaller learning rate, or hydra_gauss_newton, which cannot grow this way"
        if curvature is Curvature.EXACT
        else "use float64 (compute.dtype) or a smaller learning rate",
    )
