"""How contributions are distributed over the clean and over the mislabelled training samples, as quantiles.

    quantile   the contribution below which the share ``level`` of the samples with this ``is_noisy`` lies

101 levels from 0 to 1, linear between samples. ``n`` is the number of samples behind the distribution. All
samples are counted, so there is no interval. Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.evaluation.detection import read_is_noisy
from hydra_steps.queries.query import ranking_queries
from hydra_steps.registry.decorators import table
from hydra_steps.scoring.store import read_scores
from hydra_steps.tables.layout import Artifact
from hydra_steps.tables.tidy import make_table, write_table

LEVELS = np.linspace(0.0, 1.0, 101)


@table(
    "contributions",
    title="Distribution of contributions",
    keys=["is_noisy", "level"],
    when="labels_known",
    large=True,
    order=110,
)
def describe_contributions(
    scores: Sequence[Artifact],
    labels: Sequence[Artifact],
    output: str | Path,
) -> None:
    """Write ``contributions.csv`` from score folders and the ``labels.csv`` of the runs they belong to.

    A distribution with a contribution that is not finite is left out, as is an empty one.
    """
    noisy = {artifact.run.name: read_is_noisy(artifact.path) for artifact in labels}
    rows = []
    for artifact in scores:
        run, found = artifact.run, read_scores(artifact.path)
        for query in (q.name for q in ranking_queries(found.queries)):
            about: dict[str, Any] = run.columns | {"query": query, "metric": "quantile"}
            about["method"] = artifact.label
            for flag in (False, True):
                positions = found.scored[noisy[run.name][found.scored] == flag]
                values = found.of_query(query)[positions].astype(np.float64)
                if not len(values) or not np.isfinite(values).all():
                    continue
                part = about | {"is_noisy": int(flag), "n": len(values)}
                quantiles = np.quantile(values, LEVELS)
                rows += [
                    part | {"level": level, "value": value}
                    for level, value in zip(LEVELS, quantiles, strict=True)
                ]
    write_table(make_table("contributions", rows), output)
