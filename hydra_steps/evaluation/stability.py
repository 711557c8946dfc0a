"""How stable a ranking is: from one traced epoch to the next, and from one seed to another.

    between_epochs    Spearman correlation of the contributions after this traced epoch with those after the one before
    between_seeds     mean Spearman correlation of the run's contributions with those of the variant's other seeds,
                      over the samples that carry the same label in both (the noise may differ)

A high value is no merit in itself: the exact contributions, too, change along the training and with the seed. They
are the yardstick. Torch-free.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.csv_files import read_csv
from hydra_steps.evaluation.approximation import epochs_of
from hydra_steps.evaluation.correlation import spearman
from hydra_steps.registry.decorators import table
from hydra_steps.scoring.store import Scores, read_scores
from hydra_steps.tables.layout import Artifact
from hydra_steps.tables.tidy import make_table, write_table


@table(
    "stability",
    title="Stability of the rankings",
    keys=["epoch"],
    when="traced",
    settings={"queries": "trace.queries"},
    order=60,
)
def evaluate_stability(
    *,
    traced: Sequence[Artifact],
    scores: Sequence[Artifact],
    labels: Sequence[Artifact],
    queries: Sequence[str],
    output: str | Path,
) -> None:
    """Write ``stability.csv``. ``traced``: folders ``…/runs/<run>/epochs/<label>``; ``scores``: ``…/scores/<label>``.

    ``queries`` are the names of the queries that are compared; ``labels`` the runs' ``labels.csv``.
    """
    rows: list[dict[str, Any]] = []
    for artifact in traced:
        about = artifact.run.columns | {"method": artifact.label, "metric": "between_epochs"}
        for (_, earlier), (epoch, later) in pairwise(epochs_of(artifact.path)):
            rows += [about | {"epoch": epoch} | row for row in _correlations(earlier, later, queries)]
    given = {artifact.run: _labels(artifact.path) for artifact in labels}
    found = {(artifact.run, artifact.label): artifact.path for artifact in scores}
    for (run, label), path in found.items():
        others = [
            (other, folder)
            for (other, other_label), folder in found.items()
            if other_label == label and other.variant == run.variant and other.seed != run.seed
        ]
        per_query: dict[str, list[float]] = {}
        for other, folder in others:
            same = (given[run] == given[other]).all(axis=1)
            for row in _correlations(path, folder, queries, same):
                per_query.setdefault(row["query"], []).append(row["value"])
        own = run.columns | {"method": label, "metric": "between_seeds"}
        for name, values in per_query.items():
            rows.append(own | {"query": name, "n": len(values), "value": float(np.mean(values))})
    write_table(make_table("stability", rows), output)


def _correlations(
    first: Path, second: Path, queries: Sequence[str], among: np.ndarray | None = None
) -> Iterator[dict[str, Any]]:
    one, two = read_scores(first), read_scores(second)
    both = np.intersect1d(one.scored, two.scored)
    if among is not None:
        both = both[among[both]]
    for query in (name for name in queries if name in one.names and name in two.names):
        yield {"query": query, "n": len(both), "value": float(_spearman(one, two, query, both))}


def _spearman(one: Scores, two: Scores, query: str, positions: np.ndarray) -> float:
    return float(spearman(one.of_query(query)[positions], two.of_query(query)[positions]))


def _labels(path: str | Path) -> np.ndarray:
    return (
        read_csv(path).sort_values("index", kind="stable").filter(regex="^(label|target|tokens)").to_numpy()
    )
