"""What the jobs of each rule took: wall and processor time with their start, and peak memory, from their logs.

Every job ends its log with one line of its costs (:mod:`hydra_steps.jobs`). Like ``timing.csv`` this is no part of a
study's result: it differs from run to run. Torch-free.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hydra_steps.jobs import read_costs

COLUMNS = ("rule", "jobs", "seconds", "longest", "processor_seconds", "peak_memory_bytes")


RULES = (
    *("train_model", "score_samples", "retrain_without", "retrain_subsets", "find_flips"),
    *("measure_smoothness", "trace_scores", "measure_approximation"),
)  # those that compute; all others take seconds


def describe_jobs(logs: str | Path, output: str | Path) -> None:
    """Write ``jobs.csv``, a row for each rule, from a study's folder of logs, the most expensive rule first.

    ``seconds`` and ``processor_seconds`` of all jobs together, ``longest`` and ``peak_memory_bytes`` of one. A log that
    does not end with its costs, or is gone, does not count.
    """
    rows: list[tuple[str, int, float, float, float, float]] = []
    for rule in RULES:
        costs = [read_costs(log) for log in sorted((Path(logs) / rule).rglob("*.log"))]
        jobs = [one for one in costs if one is not None]
        if jobs:
            seconds = [one[0] for one in jobs]
            processor = sum(one[1] for one in jobs)
            memory = max(one[2] for one in jobs)
            rows.append((rule, len(jobs), sum(seconds), max(seconds), processor, memory))
    table = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values(
        ["seconds", "rule"], ascending=[False, True]
    )
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(output, index=False, float_format="%.10g", lineterminator="\n")
