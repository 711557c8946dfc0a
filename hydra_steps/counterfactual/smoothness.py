"""Is the training map smooth enough for one derivative to predict a removal? Asked of the map itself.

    predicted(g, δ) = δ Σ_{n∈g} c[q, n]            real(g, δ) = f_q(s_T(w = 1 − δ·1_g)) − f_q(s_T(w = 1))

for a few random groups g and steps δ. On a smooth map the two agree ever better as δ shrinks; where a kink
that is crossed early moves the whole rest of the path (ReLU with max pooling), they do not, at any δ that
numbers resolve. Cost: groups × steps trainings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hydra_steps.csv_files import write_rows
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import run
from hydra_steps.progress import Progress
from hydra_steps.scoring.store import read_scores
from hydra_steps.trajectory.trajectory import open_run

COLUMNS = ("method", "query", "step", "group", "predicted", "real")
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
    is the label of the scores.

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
    base, rows = query_set.values(opened.final_state).cpu().numpy(), []
    with Progress(total=len(groups) * len(options["steps"]), desc="smoothness", unit="training") as bar:
        for step in options["steps"]:
            for number, group in enumerate(groups):
                weights = torch.ones(process.samples, dtype=process.dtype, device=process.device)
                weights[torch.from_numpy(group).to(process.device)] -= step
                state = run(process, process.initial_state(), opened.rates, weights=weights)
                real = query_set.values(state).cpu().numpy() - base
                predicted = step * contribution[:, group].sum(1)
                rows += [
                    (label, name, step, number, float(predicted[q]), float(real[q]))
                    for q, name in enumerate(query_set.names)
                ]
                bar.update()
    write_rows(output, COLUMNS, rows)
