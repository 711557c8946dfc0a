"""The training samples with the lowest contributions, to be looked at where nobody knows which labels are wrong.

``rank`` 1 has the lowest contribution (negative harms); equal ones stand by position. ``training`` is the position in
the training split, ``label`` the given label; ``training_name`` is what the user calls the sample, where it has a name.
Torch-free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydra_steps.config.datasets import dataset
from hydra_steps.data.tables import read_names
from hydra_steps.errors import StudyError
from hydra_steps.evaluation.vectors import check_length, read_run_labels
from hydra_steps.queries.query import ranking_queries
from hydra_steps.registry.decorators import table
from hydra_steps.scoring.store import read_scores
from hydra_steps.tables.layout import Artifact
from hydra_steps.tables.tidy import write_table

COLUMNS = ("variant", "run", "seed", "method", "query", "rank", "training", "label", "contribution")
SHARE, MOST = 0.1, 100


@table(
    "suspects",
    title="Suspected labels",
    when="not labels_known",
    settings={"data": "datasets"},
    order=80,
)
def list_suspects(
    scores: Sequence[Artifact],
    labels: Sequence[Artifact],
    splits: Sequence[Artifact],
    data: Mapping[str, Mapping[str, Any]],
    output: str | Path,
) -> None:
    """Write ``suspects.csv`` from score folders and the ``labels.csv`` and ``splits.csv`` of the runs they belong to;
    ``data`` maps each run to the dataset's ``name``, ``folder`` and ``options``.

    For each method and each mean over the validation or the test split: the tenth of the scored samples with the
    lowest contribution, at least one and at most ``MOST``; none of a method whose contributions are not all finite.
    """
    tables = {artifact.run.name: read_run_labels(artifact.path) for artifact in labels}
    names = {artifact.run.name: read_names(artifact.path, "train") for artifact in splits}
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    asked = False
    for artifact in scores:
        run, found = artifact.run, read_scores(artifact.path)
        if run.name not in tables:
            raise StudyError(
                f"the scores in {artifact.path} have no labels", f"labels.csv of the run {run.name}"
            )
        check_length(found, tables[run.name], artifact.path)
        given = _given(tables[run.name])
        seen.update(found.names)
        for query in (q.name for q in ranking_queries(found.queries)):
            asked = True
            contribution = found.of_query(query)[found.scored].astype(np.float64)
            about = run.columns | {"method": artifact.label, "query": query}
            for rank, place in enumerate(lowest(contribution), 1):
                position = int(found.scored[place])
                sample = {"training": position, "label": given[position], "contribution": contribution[place]}
                if known := names.get(run.name):
                    classes = dataset(**data[run.name]).classes
                    sample |= {"training_name": known[position], "label_name": classes[int(given[position])]}
                rows.append(about | {"rank": rank} | sample)
    if scores and not asked:
        raise StudyError(
            f"no scores have a query to rank samples by (they have {', '.join(sorted(seen))})",
            "a mean over the validation or the test split",
            "add {kind: mean_loss, split: validation} to the study's queries",
        )
    named = ["training_name", "label_name"] if any(names.values()) else []
    write_table(pd.DataFrame(rows, columns=[*COLUMNS, *named]), output)


def _given(labels: pd.DataFrame) -> np.ndarray:
    """The targets [n]: the label, or what stands for it, joined by spaces."""
    if "label" in labels.columns:
        return labels["label"].to_numpy()
    own = labels.filter(regex="^(label|target|tokens)").astype(str)
    return own.agg(" ".join, axis=1).to_numpy()


def lowest(contribution: np.ndarray) -> np.ndarray:
    """Return the places of the suspects among contributions [n], the lowest first; none where one is not finite.

    >>> lowest(np.array([0.2, -1.0, 0.5])).tolist()
    [1]
    """
    if not np.isfinite(contribution).all():
        return np.zeros(0, np.int64)
    count = min(MOST, max(1, round(SHARE * len(contribution))))
    return np.argsort(contribution, kind="stable")[:count]
