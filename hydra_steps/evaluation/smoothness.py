"""From small steps of the data weights to a verdict: may exact HyDRA be trusted on this run?

``relative_error`` of the prediction per query and step δ: ‖real − predicted‖ / ‖real‖ over the groups. The row
of query ``all`` is the median over the queries; its ``smooth`` row is 1 where the smallest step's median is at
most ``TRUSTED``, else 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hydra_steps.csv_files import read_csv
from hydra_steps.registry.decorators import table
from hydra_steps.tables.layout import Artifact
from hydra_steps.tables.tidy import make_table, write_table

TRUSTED = 0.1  # relative error of the derivative at the smallest step


@table(
    "smoothness",
    title="Smoothness of the training map",
    keys=["step"],
    when="'hydra_exact' in used",
    order=70,
)
def describe_smoothness(smoothness: Sequence[Artifact], output: str | Path) -> None:
    """Write ``smoothness.csv`` from the files of ``measure_smoothness``, ``…/runs/<run>/smoothness.csv``."""
    rows = []
    for artifact in smoothness:
        points = read_csv(artifact.path)
        leading = artifact.run.columns | {"method": points["method"].iloc[0]}
        errors = {
            key: relative_error(part["predicted"].to_numpy(), part["real"].to_numpy())
            for key, part in points.groupby(["query", "step"], sort=True)
        }
        groups = points["group"].nunique()
        for (query, step), error in errors.items():
            rows.append(
                leading
                | {"query": query, "metric": "relative_error", "step": step, "n": groups, "value": error}
            )
        for step in sorted(set(points["step"])):
            median = float(np.median([error for (_, s), error in errors.items() if s == step]))
            row = leading | {"query": "all", "step": step, "n": groups}
            rows.append(row | {"metric": "relative_error", "value": median})
            if step == points["step"].min():
                rows.append(row | {"metric": "smooth", "value": float(median <= TRUSTED)})
    write_table(make_table("smoothness", rows), output)


def relative_error(predicted: np.ndarray, real: np.ndarray) -> float:
    """‖real − predicted‖ / ‖real‖ over groups [g]; NaN where nothing changed."""
    size = float(np.linalg.norm(real))
    return float(np.linalg.norm(real - predicted)) / size if size > 0 else float("nan")
