"""Is the training map smooth enough for one derivative to predict a removal? Asked of the map itself.

    predicted(g, δ) = δ Σ_{n∈g} c[q, n]            real(g, δ) = f_q(s_T(w = 1 − δ·1_g)) − f_q(s_T(w = 1))

for a few random groups g and steps δ. On a smooth map the two agree ever better as δ shrinks; where a kink
that is crossed early moves the whole rest of the path (ReLU with max pooling), they do not, at any δ that
numbers resolve. Of the final parameters themselves the agreement in sign of two steps δ in a row,

    Σ_p (|d_p| / ‖d‖₁) sign(d_p) sign(d'_p),     d = θ(δ) − θ(0),  d' = θ(2δ) − θ(δ)

is 1 for a smooth map and 0 for one that goes anywhere (Engstrom et al. 2025, arXiv 2503.13751, definition 2). Cost:
groups × steps trainings, and groups more where twice the smallest step is not among the steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hydra_steps.config.smoothness_steps import all_steps
from hydra_steps.csv_files import write_rows
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import run
from hydra_steps.process.seen import seen
from hydra_steps.process.state import State
from hydra_steps.process.together import at_once, one_by_one, run_together
from hydra_steps.progress import Progress
from hydra_steps.scoring.store import read_scores
from hydra_steps.trajectory.trajectory import Trajectory, open_run

COLUMNS = ("method", "query", "step", "group", "predicted", "real", "sign_agreement", "kinks")
# Layers whose output has a slope that jumps: what crosses the jump early moves the rest of the path.
KINKS = {
    *("ReLU", "ReLU6", "LeakyReLU", "PReLU", "RReLU", "Hardtanh", "Hardswish", "Hardsigmoid", "Threshold"),
    *("MaxPool", "MaxPool1d", "MaxPool2d", "MaxPool3d", "AdaptiveMaxPool2d", "FractionalMaxPool2d"),
}
STREAM = 104_729  # keeps these groups apart from other draws with the run's seed


def measure_smoothness(
    trajectory: str | Path,
    splits: str | Path,
    labels: str | Path,
    scores: str | Path,
    queries: Sequence[Mapping[str, Any]],
    options: Mapping[str, Any],
    output: str | Path,
) -> None:
    """Write a CSV of predicted and real changes, one row per query, step δ and group, in the query's unit; ``method``
    is the label of the scores, ``sign_agreement`` stands beside the smallest step where twice it is at most a removal,
    and ``kinks`` names the model's layers that are not smooth.

    ``queries`` is the study's section of that name; ``options`` has ``groups``, ``fraction`` and ``steps``;
    ``scores`` is the folder of exact HyDRA's contributions. Raises :class:`StudyError` as :func:`score_samples` does
    for a store that does not fit.
    """
    opened, data = open_run(trajectory, splits, labels)
    process = opened.process
    query_set = QuerySet(expand_queries(queries, data), data, process)
    contribution, label = read_scores(scores).contribution, Path(scores).name
    generator = np.random.Generator(np.random.Philox(key=[process.seed, STREAM]))
    size = max(1, round(float(options["fraction"]) * process.samples))
    groups = [generator.permutation(process.samples)[:size] for _ in range(int(options["groups"]))]
    kinks = ";".join(kinks_of(opened.model_at(opened.steps)))
    steps, smallest = list(options["steps"]), min(options["steps"])
    every = all_steps(steps)
    changes = [(number, step) for number in range(len(groups)) for step in every]
    weights = torch.ones(len(changes), process.samples, dtype=process.dtype, device=process.device)
    for row, (number, step) in zip(weights, changes, strict=True):
        row[torch.from_numpy(groups[number]).to(process.device)] -= step
    rows: list[tuple[float, int, str, float, float]] = []
    ends: dict[tuple[int, float], Tensor] = {}
    with Progress(total=len(changes), desc="smoothness", unit="training") as bar:
        states = _trained(opened, weights)
        unchanged = next(states)
        base, start = query_set.values(unchanged).cpu().numpy(), seen(process, unchanged).parameters
        for (number, step), state in zip(changes, states, strict=True):
            bar.update()
            if step in (smallest, 2 * smallest):
                ends[number, step] = seen(process, state).parameters
            if step not in steps:
                continue
            real = query_set.values(state).cpu().numpy() - base
            predicted = step * contribution[:, groups[number]].sum(1)
            rows += [
                (step, number, name, float(predicted[q]), float(real[q]))
                for q, name in enumerate(query_set.names)
            ]
    agreements = {
        number: sign_agreement(start, ends[number, smallest], ends[number, 2 * smallest])
        for number in range(len(groups))
        if (number, 2 * smallest) in ends
    }
    rows.sort(key=lambda row: (steps.index(row[0]), row[1]))
    written = [
        (
            label,
            name,
            step,
            group,
            predicted,
            real,
            agreements.get(group) if step == smallest else None,
            kinks,
        )
        for step, group, name, predicted, real in rows
    ]
    write_rows(output, COLUMNS, written)


def _trained(opened: Trajectory, weights: Tensor) -> Iterator[State]:
    """The final state of the training as it is, and those with ``weights`` [k, n], several at once where that is
    faster: then the first, too, as it differs by round-off from the stored one."""
    process, rates, size = opened.process, opened.rates, at_once(opened.process)
    if size == 1:
        yield opened.final_state
        for row in weights:
            yield run(process, process.initial_state(), rates, weights=row)
        return
    for part in torch.cat([torch.ones_like(weights[:1]), weights]).split(size):
        yield from one_by_one(run_together(process, rates, part))


def sign_agreement(start: Tensor, middle: Tensor, end: Tensor) -> float:
    """How far two steps in a row of the parameters [p] go the same way, from −1 to 1; NaN for a first step of 0."""
    first, second = (middle - start).double(), (end - middle).double()
    size = first.abs().sum()
    return float((first * second.sign()).sum() / size) if size > 0 else float("nan")


def kinks_of(module: nn.Module) -> list[str]:
    """The names of the kinds of layers in a module that are not smooth."""
    return sorted({type(layer).__name__ for layer in module.modules()} & KINKS)
