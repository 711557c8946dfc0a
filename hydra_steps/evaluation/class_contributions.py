"""Class by class: the mean contribution of the training samples of a given label to a test class.

    m[a, b, z] = mean of c[q, n] over the training samples n with given label a and is_noisy z, and over the queries q
                 that speak for test class b

A test class is spoken for by its class loss (``class_loss``: the mean over all its test samples), or by the queries
about single test samples of it (``sample_loss``: an estimate from these few). The metric is ``mean_contribution``
in the query's unit, positive helps; ``mean_score`` for methods whose numbers only rank. ``n`` is the number of
training samples behind a mean; all are counted, so there is no interval. A label without clean or without wrong
samples has no row for them. Torch-free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hydra_steps.data.pictures import read_pictures
from hydra_steps.errors import StudyError
from hydra_steps.evaluation.vectors import check_length, read_run_labels
from hydra_steps.queries.query import vector_queries
from hydra_steps.registry.decorators import table
from hydra_steps.registry.types import SomeMethods
from hydra_steps.scoring.store import Scores, read_scores
from hydra_steps.tables.layout import Artifact, of_labels
from hydra_steps.tables.tidy import make_table, write_table


@table(
    "class_contributions",
    title="Mean contributions of labels to classes",
    keys=["label", "test_label", "is_noisy"],
    when="asks == 'class' and labels_known and class_contributions.queries is not None",
    settings={"data": "datasets"},
    large=True,
    order=140,
)
def describe_classes(
    scores: Sequence[Artifact],
    labels: Sequence[Artifact],
    splits: Sequence[Artifact],
    raw: Sequence[str | Path],
    data: Mapping[str, Mapping[str, Any]],
    output: str | Path,
    *,
    queries: Literal["class_loss", "sample_loss"] | None = None,
    methods: SomeMethods = None,
) -> None:
    """Mean contribution of the training samples of each given label to the test samples of each class, for clean and
    for wrong labels. Off while `queries` is null.

    Writes ``class_contributions.csv`` from score folders and the ``labels.csv`` and ``splits.csv`` of the runs they
    belong to. For ``sample_loss`` the classes of the test samples are read from the datasets, whose verified files
    ``raw`` stands for: ``data`` maps each run to the dataset's ``name`` and ``folder``.

    Options:
        queries: Which of the study's queries speak for the test classes. `class_loss`, the losses of the test classes;
            `sample_loss`, the mean over single test samples of the class.
        methods: Labels of the methods that take part. null takes all.
    """
    tables = {artifact.run.name: read_run_labels(artifact.path) for artifact in labels}
    classes = _test_labels(splits, data) if queries == "sample_loss" else {}
    rows = []
    for artifact in of_labels(scores, methods):
        run, found = artifact.run, read_scores(artifact.path)
        labelled = tables[run.name]
        check_length(found, labelled, artifact.path)
        spoken = _by_class(found) if queries == "class_loss" else _by_sample(found, classes[run.name])
        if not spoken:
            raise StudyError(
                f"{artifact.path} has no query that speaks for a test class",
                f"queries of kind {queries} on the test split",
                "add them to the study's queries, or change class_contributions.queries",
            )
        about = run.columns | {"method": artifact.label}
        about["metric"] = "mean_contribution" if found.has_unit else "mean_score"
        given = labelled["label"].to_numpy()[found.scored]
        noisy = labelled["is_noisy"].to_numpy()[found.scored]
        for test_label, names in spoken.items():
            values = np.stack([found.of_query(name)[found.scored] for name in names]).mean(
                0, dtype=np.float64
            )
            for label in np.unique(given):
                for flag in (0, 1):
                    own = values[(given == label) & (noisy == flag)]
                    if len(own):
                        key = {"label": label, "test_label": test_label, "is_noisy": flag, "n": len(own)}
                        query = names[0] if queries == "class_loss" else "test_samples"
                        value = own.mean() if np.isfinite(own).all() else np.nan
                        rows.append(about | {"query": query} | key | {"value": value})
    write_table(make_table("class_contributions", rows), output)


def _by_class(found: Scores) -> dict[int, list[str]]:
    return {
        query.index: [query.name]
        for query in found.queries
        if query.over == "class" and query.split == "test" and query.index is not None
    }


def _by_sample(found: Scores, test_labels: np.ndarray) -> dict[int, list[str]]:
    spoken: dict[int, list[str]] = {}
    for query in vector_queries(found.queries):
        spoken.setdefault(int(test_labels[query.position]), []).append(query.name)
    return spoken


def _test_labels(splits: Sequence[Artifact], data: Mapping[str, Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Return the labels of the test split by run."""
    found = {}
    for artifact in splits:
        of_test = read_pictures(**data[artifact.run.name], splits_csv=artifact.path, split="test")
        found[artifact.run.name] = of_test.labels
    return found
