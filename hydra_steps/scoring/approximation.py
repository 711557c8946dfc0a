"""How far the paper's approximation is from what it approximates, sample by sample, along the training.

Both forward recurrences are carried side by side for a few tracked samples: h with the Hessian and ĥ without it. With
momentum μ, weight decay λ, rate η_t, and β ≥ ‖H_t‖ the triangle inequality bounds their distance by

    v_t ≤ μ v_{t−1} + λ d_{t−1} + β ‖h_{t−1}‖          v bounds the difference of the momenta
    d_t ≤ d_{t−1} + η_t v_t                            d bounds ‖h_t − ĥ_t‖

``bound_measured`` takes ‖h‖ from the run. ``bound`` knows nothing of h, as a theorem beforehand must: ‖h‖ is
itself bounded by the same recurrences from the norm of the sample's gradient at each visit, which is why it grows
exponentially in T. β is the largest spectral norm of the Hessians of a few batches at the two ends of each epoch,
found by power iteration: measured, hence not a strict bound for the batches in between. For SGD with plain
momentum; for other optimizers both are NaN, and where batch norm's statistics are weighted, too: what a weight changes
in them is a second-order term that only the exact recurrence has.

Cost: two trainings per tracked sample, and some tens of Hessian-vector products per epoch.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hydra_steps.csv_files import write_rows
from hydra_steps.process.linearise import linearise
from hydra_steps.process.linearised import Curvature
from hydra_steps.process.optimizers.sgd import SGD
from hydra_steps.process.process import Process
from hydra_steps.process.state import State
from hydra_steps.progress import Progress
from hydra_steps.scoring.hydra_forward import forward, own_gradients, tracked_samples
from hydra_steps.trajectory.trajectory import Trajectory, open_run

COLUMNS = ("epoch", "sample", "norm", "distance", "bound", "bound_measured", "spectral_norm")
BATCHES, ITERATIONS = 3, 20  # of the power iteration at the end of an epoch


def measure_approximation(
    trajectory: str | Path, splits: str | Path, labels: str | Path, tracked: int, output: str | Path
) -> None:
    """Write a CSV, one row per epoch and tracked sample: ‖h‖, ‖h − ĥ‖, and the two bounds (data weights).

    ``tracked`` samples are drawn with the run's seed. Errors as in :func:`score_samples`.
    """
    opened, data = open_run(trajectory, splits, labels)
    rows = approximation(opened, tracked_samples(opened.process, tracked / opened.process.samples))
    write_rows(output, COLUMNS, rows)


def approximation(trajectory: Trajectory, tracked: Tensor) -> list[tuple[float, ...]]:
    """The rows of :func:`measure_approximation` for the samples ``tracked`` [k]."""
    process, each = trajectory.process, trajectory.process.steps_per_epoch
    norms = [
        spectral_norm(process, trajectory.state(epoch * each), epoch * each - (epoch == process.epochs))
        for epoch in range(process.epochs + 1)
    ]
    bounds = Bounds(process, len(tracked))
    place = {int(sample): k for k, sample in enumerate(tracked)}
    rows: list[tuple[float, ...]] = []
    size = np.zeros(len(tracked))  # ‖h_{t−1}‖
    before = process.initial_state()
    pairs = zip(forward(trajectory, tracked, True), forward(trajectory, tracked, False), strict=True)
    for (step, state, exact), (_, _, free) in Progress(
        pairs, total=trajectory.steps, desc="approximation", unit="step"
    ):
        epoch = (step - 1) // each + 1
        impulse = impulses(process, before, step - 1, place)
        bounds.step(trajectory.rates[step - 1], max(norms[epoch - 1], norms[epoch]), impulse, size)
        size = torch.linalg.vector_norm(exact.parameters.double(), dim=1).cpu().numpy()
        before = state
        if step % each == 0:
            apart = exact.parameters.double() - free.parameters.double()
            distance = torch.linalg.vector_norm(apart, dim=1).cpu().numpy()
            rows += [
                (epoch, int(n), size[k], distance[k], bounds.apart[k], bounds.apart_measured[k], norms[epoch])
                for k, n in enumerate(tracked)
            ]
    return rows


class Bounds:
    """The recurrences of the module's docstring for k samples; ``apart`` and ``apart_measured`` bound ‖h − ĥ‖ [k]."""

    def __init__(self, process: Process, count: int) -> None:
        self._momentum = self._decay = float("nan")
        optimizer = process.optimizer
        plain = isinstance(optimizer, SGD) and not (
            optimizer.nesterov or optimizer.dampening or optimizer.decoupled
        )
        if isinstance(optimizer, SGD) and plain and not process.weighs_statistics:
            self._momentum, self._decay = optimizer.momentum, optimizer.weight_decay
        self._length, self._speed = np.zeros(count), np.zeros(count)  # bound ‖h‖ and ‖m‖
        self.apart, self._drift = np.zeros(count), np.zeros(count)
        self.apart_measured, self._drift_measured = np.zeros(count), np.zeros(count)

    def step(self, rate: float, beta: float, impulse: np.ndarray, measured: np.ndarray) -> None:
        """One step at learning rate ``rate``; ``impulse`` [k] as of :func:`impulses`, ``measured`` [k] = ‖h_{t−1}‖."""
        mu, decay = self._momentum, self._decay
        self._drift = mu * self._drift + decay * self.apart + beta * self._length
        self._drift_measured = mu * self._drift_measured + decay * self.apart_measured + beta * measured
        self._speed = mu * self._speed + (decay + beta) * self._length + impulse
        self._length = self._length + rate * self._speed
        self.apart = self.apart + rate * self._drift
        self.apart_measured = self.apart_measured + rate * self._drift_measured


def spectral_norm(process: Process, state: State, step: int) -> float:
    """The largest ‖H‖₂ over the Hessians of a few batches, from that of ``step`` on, at ``state``."""
    largest = 0.0
    generator = torch.Generator().manual_seed(process.seed)
    start = torch.randn(len(state.parameters), generator=generator, dtype=torch.float64)
    for number in range(step, min(step + BATCHES, process.steps)):
        batch, vector, length = process.batch(number), start.to(state.parameters), 0.0
        for _ in range(ITERATIONS):
            vector = vector / torch.linalg.vector_norm(vector)
            product = linearise(
                process, state.parameters, state.buffers, batch, vector[None], Curvature.EXACT
            ).parameters_bar
            assert product is not None
            vector = product[0]
            length = float(torch.linalg.vector_norm(vector))
            if not length:
                break
        largest = max(largest, length)
    return largest


def impulses(process: Process, state: State, step: int, place: dict[int, int]) -> np.ndarray:
    """‖∂g/∂w_n‖ [k], how hard the tracked samples push in ``step``: ‖∇ℓ_n(θ)‖/|B| times how often n was drawn into
    the batch, 0 for a sample that was not. ``place`` maps samples to their positions in the result."""
    batch = process.batch(step)
    index = batch.index.tolist()
    positions = [i for i, n in enumerate(index) if n in place]
    pushed = torch.zeros(len(place), len(state.parameters), dtype=torch.float64, device=process.device)
    if positions:
        own = own_gradients(process, state, batch, torch.tensor(positions, device=process.device))
        places = torch.tensor([place[index[i]] for i in positions], device=process.device)
        pushed.index_add_(0, places, own.double())  # not assignment: a sample drawn twice counts twice
    norms: np.ndarray = torch.linalg.vector_norm(pushed, dim=1).div(len(batch)).cpu().numpy()
    return norms
