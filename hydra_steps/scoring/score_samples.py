"""Scoring a run's training samples, by one method or by several in turn: open the trajectory, ask the method, store
contributions.

The store says unit and sign, the options, the digests of data and trajectory, the wall time, and the peak memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.config.study import Method
from hydra_steps.errors import StudyError
from hydra_steps.json_files import NUMBER, check_seal, read_json
from hydra_steps.process.peak import forget_peak, peak_memory
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.registry import Entry
from hydra_steps.scoring.attempt import SCORED, attempt
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.methods import method_of
from hydra_steps.scoring.store import write_scores
from hydra_steps.trajectory.manifest import TIMING
from hydra_steps.trajectory.trajectory import open_run


def score_samples(
    methods: Mapping[str, Method],
    queries: Sequence[Mapping[str, Any]],
    trajectory: str | Path,
    splits: str | Path,
    labels: str | Path,
    outputs: Sequence[str | Path],
    by_epoch: bool = False,
) -> None:
    """Write the contributions [q, n] of each of the study's ``methods`` by label to its folder of ``outputs``.

    ``queries`` is the study's section of that name. A method without scores leaves NaN and the attribute ``status``
    with its message. ``by_epoch`` keeps the contributions by epoch, too, of methods that add them up over the steps.
    Raises :class:`StudyError` for a trajectory that is not whole or was trained on other data, an unknown method, a
    query that does not exist, or a score that is not finite.
    """
    found = {label: method_of(label, method) for label, method in methods.items()}
    for (label, (entry, function)), output in zip(found.items(), outputs, strict=True):
        _score(label, methods[label], entry, function, queries, trajectory, splits, labels, output, by_epoch)


def _score(
    label: str,
    method: Method,
    entry: Entry,
    function: Callable[..., Contribution],
    queries: Sequence[Mapping[str, Any]],
    trajectory: str | Path,
    splits: str | Path,
    labels: str | Path,
    output: str | Path,
    by_epoch: bool,
) -> None:
    """By one method, from what is stored alone: what others learnt of the model would change its last bits."""
    opened, data = open_run(trajectory, splits, labels)
    query_set = QuerySet(expand_queries(queries, data), data, opened.process)
    kept = {"by_epoch": by_epoch} if entry.traits["by_epoch"] else {}
    forget_peak()
    began = time.perf_counter()
    result, status = attempt(function, opened, query_set, label=label, **kept)
    seconds = time.perf_counter() - began
    values = result.values.cpu().numpy().astype(np.float64)
    scored = values[:, result.arrays["tracked"]] if "tracked" in result.arrays else values
    if status == SCORED and not np.isfinite(scored).all():
        raise StudyError(
            f"method {label} gave {int((~np.isfinite(scored)).sum())} contributions that are not finite",
            "finite numbers",
            "look at the method's options (damping, curvature_proxy) or use compute.dtype float64",
        )
    write_scores(
        output,
        values,
        query_set.queries,
        {
            "method": entry.name,
            "label": label,
            "unit": entry.traits["unit"],
            "options": method.plain(),
            "status": status,
            "data_digest": data.digest,
            "trajectory_digest": opened.digest,
            "seconds": seconds,
            "seconds_training": training_seconds(trajectory),
            "peak_memory_bytes": peak_memory(),
            "diagnostics": result.diagnostics,
        },
        result.arrays,
    )


def training_seconds(trajectory: str | Path) -> float:
    """The wall time of the training loop with its record, evaluation left out; NaN where it was not kept.

    Raises :class:`StudyError` for a file that is damaged.
    """
    path = Path(trajectory) / TIMING
    if not path.exists():
        return float("nan")
    expected = {"seconds_in_loop": NUMBER, "seconds_evaluating": NUMBER}
    fix = f"delete {path}, which is no part of the result, or train again"
    timing = read_json(path, expected, fix)
    check_seal(path, timing, fix)
    return float(timing["seconds_in_loop"] - timing["seconds_evaluating"])
