"""The scores that a method would have given had the training ended earlier: at the ends of selected epochs.

Each of them is an ordinary store of contributions, of the queries at that epoch's end, by the same registered
function on the same recorded training, cut there. Approximation errors per epoch and the stability of rankings are
read from them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.config.study import Method
from hydra_steps.process.peak import peak_memory
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.scoring.attempt import attempt
from hydra_steps.scoring.methods import method_of
from hydra_steps.scoring.score_samples import training_seconds
from hydra_steps.scoring.store import write_scores
from hydra_steps.trajectory.trajectory import open_run

_logger = logging.getLogger(__name__)


def trace_scores(
    label: str,
    method: Method,
    queries: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    epochs: Sequence[int],
    trajectory: str | Path,
    splits: str | Path,
    labels: str | Path,
    output: str | Path,
) -> None:
    """Write the contributions [q, n] of ``method`` after each of ``epochs`` to the folders ``output/<epoch>``.

    ``label``, ``method`` and ``queries`` are the study's, ``names`` the queries that are asked about. A method without
    scores on the way leaves NaN for that epoch. Cost: for a method that goes along the training, the sum of the epochs
    over their number, in its whole cost. Errors as in :func:`score_samples`.
    """
    entry, function = method_of(label, method)
    whole, data = open_run(trajectory, splits, labels)
    specs = [spec for spec in expand_queries(queries, data) if spec.name in names]
    for epoch in sorted(epochs):
        part = whole.until(epoch * whole.process.steps_per_epoch)
        query_set = QuerySet(specs, data, part.process)
        began = time.perf_counter()
        result, status = attempt(function, part, query_set, label=label)
        write_scores(
            Path(output) / str(epoch),
            result.values.cpu().numpy().astype(np.float64),
            query_set.queries,
            {
                "method": entry.name,
                "label": label,
                "unit": entry.traits["unit"],
                "options": method.plain(),
                "status": status,
                "epoch": epoch,
                "data_digest": data.digest,
                "trajectory_digest": whole.digest,
                "seconds": time.perf_counter() - began,
                "seconds_training": training_seconds(trajectory),
                "peak_memory_bytes": peak_memory(),
            },
        )
        _logger.info("%s: epoch %d of %d", label, epoch, whole.process.epochs)
