"""Brittleness: how few training samples a correct prediction hangs on, as found by each method and verified.

    smallest_group          samples in the smallest group found whose removal flipped the prediction
    flipped                 share of the correct predictions for which a group was found, over the queries
    median_smallest_group   median of smallest_group over the queries; a prediction that never flipped counts
                            as the largest, and the median is undefined where it is one of those

``n`` is the number of re-trainings behind a smallest_group, and of correct predictions behind the others.
Predictions that the run got wrong are left out. A smaller number is a better method. Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hydra_steps.evaluation.counterfactual import ALL_QUERIES
from hydra_steps.evaluation.layout import part_after, run_of
from hydra_steps.evaluation.tables import make_table, write_table
from hydra_steps.stores import read_store

SCHEMA_VERSION = 1
ARRAYS = ("position", "correct", "smallest", "trainings")


def evaluate_brittleness(flips: Sequence[str | Path], output: str | Path) -> None:
    """Write ``brittleness.csv`` from folders ``…/runs/<run>/brittleness/<method or control>``."""
    rows = []
    for path in flips:
        arrays, about = read_store(path, ARRAYS, SCHEMA_VERSION)
        leading = run_of(path).columns | {"method": part_after(path, "brittleness")}
        correct = arrays["correct"] == 1
        found = np.where(arrays["smallest"] < 0, np.inf, arrays["smallest"])[correct]
        names = [name for name, right in zip(about["queries"], correct, strict=True) if right]
        for name, smallest, trainings in zip(names, found, arrays["trainings"][correct], strict=True):
            value = smallest if np.isfinite(smallest) else np.nan
            rows.append(leading | {"query": name, "metric": "smallest_group", "n": trainings, "value": value})
        if not len(found):
            continue
        median = float(np.median(found)) if np.isfinite(np.median(found)) else np.nan
        for metric, value in (("flipped", np.isfinite(found).mean()), ("median_smallest_group", median)):
            rows.append(
                leading | {"query": ALL_QUERIES, "metric": metric, "n": len(found), "value": float(value)}
            )
    write_table(make_table("brittleness", rows), output)
