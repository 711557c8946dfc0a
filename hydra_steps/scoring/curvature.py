"""Products of the training objective's curvature with vectors, at one state and in evaluation mode.

    H v   the Hessian of the mean loss (1/M) Σ ℓ_n          G v   its Gauss–Newton matrix, positive semi-definite

over all training samples or over a batch of M of them. Cost per vector: see :mod:`hydra_steps.process.linearise`. Index
letters: q vectors, p parameters, n samples, c classes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hydra_steps.process.linearise import linearise
from hydra_steps.process.linearised import Curvature
from hydra_steps.process.process import Batch, Process
from hydra_steps.process.state import State
from hydra_steps.trajectory.trajectory import Trajectory

CHUNK = 64  # samples per pass: with several directions at once, what stays in a processor's caches


def curvature_product(
    process: Process, state: State, vectors: Tensor, matrix: str = "gauss_newton", index: Tensor | None = None
) -> Tensor:
    """G v_q or H v_q [q, p] for ``vectors`` [q, p], over the samples ``index`` [m] (all for None)."""
    samples = torch.arange(process.samples, device=process.device) if index is None else index
    curvature = Curvature.GAUSS_NEWTON if matrix == "gauss_newton" else Curvature.EXACT
    total = torch.zeros_like(vectors)
    for part in samples.split(CHUNK):
        batch = Batch(part, process.inputs[part], process.targets[part], None)
        product = linearise(
            process, state.parameters, state.buffers, batch, vectors, curvature, training=False
        ).parameters_bar
        assert product is not None
        total.add_(product, alpha=len(part))
    return total / max(len(samples), 1)


def decay_curvature(trajectory: Trajectory) -> float | Tensor:
    """What the weight decay adds to the curvature at the end of a training that has come to rest: a number, or one per
    parameter [p] (AdamW). Raises :class:`StudyError` for an optimizer that does not come to rest at an optimum."""
    return trajectory.process.optimizer.stationary_decay(trajectory.final_state.slots, trajectory.steps)


def mean_damping(damping: float | Tensor) -> float:
    """One number for a damping that may differ from parameter to parameter: its mean."""
    return damping.double().mean().item() if isinstance(damping, Tensor) else damping
