"""What the jobs of each rule took: wall and processor time, their start included, and peak memory.

Snakemake measures the jobs of the rules that compute (``benchmark:``) and leaves a TSV file for each, in a folder per
rule. Wall time is exact. Processor time and memory are looked at twice a second in a job's first 15 seconds and every
30 after that: what came after the last look, or between two, is not in them, and a job that ended before the first
look has none. Like ``timing.csv`` this is no part of a study's result: it differs from run to run. Torch-free.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hydra_steps.csv_files import read_csv
from hydra_steps.registry.decorators import table
from hydra_steps.tables.writing import write_csv

COLUMNS = ("rule", "jobs", "seconds", "longest", "processor_seconds", "peak_memory_bytes")
MEASURED = {"s": float, "max_rss": float, "cpu_time": float}  # seconds, MiB, seconds
MEBIBYTE = 2**20


@table("jobs", title="Cost of each rule", clock=True, order=180)
def describe_jobs(benchmarks: str | Path, output: str | Path) -> None:
    """Write ``jobs.csv``, a row for each rule, from a study's folder of measurements, the most expensive rule first.

    ``seconds`` and ``processor_seconds`` of all jobs together, ``longest`` and ``peak_memory_bytes`` of one. A job
    whose measurement is gone, or is none, does not count.
    """
    rows: list[tuple[str, int, float, float, float, float]] = []
    for folder in sorted(path for path in Path(benchmarks).glob("*") if path.is_dir()):
        jobs = [job for path in sorted(folder.rglob("*.tsv")) if (job := _measured(path)) is not None]
        if jobs:
            costs = pd.concat(jobs)
            rows.append(
                (
                    folder.name,
                    len(costs),
                    costs["s"].sum(),
                    costs["s"].max(),
                    costs["cpu_time"].sum(),
                    costs["max_rss"].max() * MEBIBYTE,
                )
            )
    costs_of_rules = pd.DataFrame(rows, columns=list(COLUMNS))
    write_csv(costs_of_rules.sort_values(["seconds", "rule"], ascending=[False, True]), output)


def _measured(path: Path) -> pd.DataFrame | None:
    """Read the one row of a job's measurement; ``NA`` for what was never looked at."""
    try:
        row = read_csv(path, sep="\t", usecols=list(MEASURED), dtype=MEASURED, missing=("", "NA"))
    except (ValueError, OSError):  # no such columns, no numbers, no text, no file
        return None
    return row if len(row) == 1 else None
