"""Brittleness: how few training samples a correct prediction hangs on, as found by each method and verified.

    smallest_group          samples in the smallest group found whose removal flipped the prediction
    flipped                 share of the correct predictions for which a group was found, over the queries
    median_smallest_group   median of smallest_group over the queries; a prediction that never flipped counts
                            as the largest, and the median is undefined where it is one of those

``n`` is the number of re-trainings behind a smallest_group, and of correct predictions behind the others;
``fraction`` the largest share of the training samples that was tried. Intervals: Wilson's for the share,
percentile bootstrap over queries for the median. Predictions that the run got wrong are left out. A smaller
number is a better method. Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from hydra_steps.evaluation.intervals import bootstrap_interval
from hydra_steps.registry.decorators import table
from hydra_steps.stores import read_store
from hydra_steps.tables.layout import Artifact
from hydra_steps.tables.queries import ALL_QUERIES
from hydra_steps.tables.seed_intervals import CONFIDENCE
from hydra_steps.tables.tidy import make_table, write_table

SCHEMA_VERSION = 2
ARRAYS = ("position", "correct", "smallest", "trainings")


@table("brittleness", title="Brittleness", keys=["fraction"], when="brittleness.queries", order=100)
def evaluate_brittleness(flips: Sequence[Artifact], output: str | Path) -> None:
    """Write ``brittleness.csv`` from folders ``…/runs/<run>/brittleness/<method or control>``."""
    rows = []
    for artifact in flips:
        arrays, about = read_store(artifact.path, ARRAYS, SCHEMA_VERSION)
        leading = artifact.run.columns | {
            "method": artifact.label,
            "fraction": about["most"],
        }
        correct = arrays["correct"] == 1
        found = np.where(arrays["smallest"] < 0, np.inf, arrays["smallest"])[correct]
        names = [query["name"] for query, right in zip(about["queries"], correct, strict=True) if right]
        for name, smallest, trainings in zip(names, found, arrays["trainings"][correct], strict=True):
            value = smallest if np.isfinite(smallest) else np.nan
            rows.append(leading | {"query": name, "metric": "smallest_group", "n": trainings, "value": value})
        if not len(found):
            continue
        flipped = int(np.isfinite(found).sum())
        share = binomtest(flipped, len(found)).proportion_ci(CONFIDENCE, method="wilson")
        whole = {"query": ALL_QUERIES, "n": len(found)}
        rows.append(
            leading | whole | _valued("flipped", flipped / len(found), float(share.low), float(share.high))
        )
        bounds = bootstrap_interval(partial(_median, found), len(found))
        rows.append(
            leading | whole | _valued("median_smallest_group", _finite(float(np.median(found))), *bounds)
        )
    write_table(make_table("brittleness", rows), output)


def _median(found: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    median: np.ndarray = np.median(found[drawn], axis=1)
    return median


def _valued(metric: str, value: float, low: float, high: float) -> dict[str, str | float]:
    return {"metric": metric, "value": value, "ci_low": low, "ci_high": high}


def _finite(value: float) -> float:
    return value if np.isfinite(value) else float("nan")
