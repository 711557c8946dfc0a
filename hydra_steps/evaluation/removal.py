"""Removal curves: how good the model is after training anew without what each method points at.

    test_accuracy, test_loss, validation_accuracy, validation_loss   of models trained with fresh seeds (or what else
    the task counts as good in place of the accuracy)
    noise_left   share of mislabelled among the kept samples, if known; classes_left   classes among their labels

Keys: ``side`` (most_harmful: lowest contribution removed first; most_helpful: highest) and ``fraction``
removed. ``n`` is the number of fresh trainings; ``value`` their mean, with Student's 95 % interval of the
mean, cut where a share ends.
``query`` is the query whose contributions made the order; controls (``random_order``, ``oracle``) have none.
Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hydra_steps.config.controls import CONTROLS
from hydra_steps.registry.decorators import table
from hydra_steps.stores import read_store
from hydra_steps.tables.layout import Artifact
from hydra_steps.tables.seed_intervals import mean_interval, within
from hydra_steps.tables.tidy import make_table, write_table

SCHEMA_VERSION = 2
MEASURES = (
    "test_metric",
    "test_loss",
    "validation_metric",
    "validation_loss",
    "noise_left",
    "classes_left",
)
ARRAYS = ("side", "fraction", "seed", "kept", *MEASURES)


@table("removal", title="Removal curves", keys=["side", "fraction"], when="removal.fractions", order=90)
def evaluate_removal(removals: Sequence[Artifact], output: str | Path) -> None:
    """Write ``removal.csv`` from folders ``…/runs/<run>/removal/<method or control>``."""
    rows = []
    for artifact in removals:
        arrays, about = read_store(artifact.path, ARRAYS, SCHEMA_VERSION)
        label = artifact.label
        leading = artifact.run.columns | {
            "method": label,
            "query": "" if label in CONTROLS else about["query"],
        }
        for side, fraction in sorted(
            set(zip(arrays["side"].tolist(), arrays["fraction"].tolist(), strict=True))
        ):
            chosen = (arrays["side"] == side) & (arrays["fraction"] == fraction)
            key = {"side": about["sides"][int(side)], "fraction": fraction}
            for metric in MEASURES:
                values = arrays[metric][chosen]
                if metric in ("noise_left", "classes_left") and np.isnan(values).all():
                    continue
                metric = metric.replace("_metric", f"_{about['metric']}")
                low, high = within(metric, *mean_interval(values))
                row = {
                    "metric": metric,
                    "n": len(values),
                    "value": values.mean(),
                    "ci_low": low,
                    "ci_high": high,
                }
                rows.append(leading | key | row)
    write_table(make_table("removal", rows), output)
