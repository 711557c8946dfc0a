"""Who helps and harms most: pairs of a training sample and a query, with their contribution, and the images of both.

Two questions, in the column ``given``:

    query      for a query, the training samples with the largest (``helpful``) and the smallest (``harmful``)
               contributions
    training   for a training sample, the queries about single test samples that it helps and harms most; asked for
               the training samples with the largest |contribution| to the first of the queries, ``subject`` 1 first

``rank`` 1 is the most extreme; equal contributions stand by position. ``helpful`` has positive contributions only
where there are enough: the sign is in the number. No sample stands on both sides. ``test`` and ``test_label`` are
empty for queries about more than one sample or another split. Torch-free.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd

from hydra_steps.config.datasets import dataset
from hydra_steps.data.pictures import Shown, read_pictures
from hydra_steps.evaluation.vectors import check_length, read_run_labels
from hydra_steps.queries.query import vector_queries
from hydra_steps.registry.decorators import table
from hydra_steps.registry.types import SomeMethods
from hydra_steps.scoring.store import Scores, read_scores
from hydra_steps.tables.layout import Artifact, of_labels
from hydra_steps.tables.tidy import write_table

COLUMNS = (
    *("variant", "run", "seed", "method", "unit", "given", "query", "subject", "side", "rank"),
    *("training", "label", "clean_label", "is_noisy", "test", "test_label", "contribution"),
)
NAMES = ("training_name", "test_name", "label_name")  # of data whose samples have names
SIDES = ("helpful", "harmful")


@table(
    "extremes",
    title="Samples that help and harm most",
    when="asks == 'class' and extremes.queries",
    settings={"data": "datasets"},
    also=["extremes_images.npz"],
    heavy=True,
    order=150,
)
def describe_extremes(
    scores: Sequence[Artifact],
    labels: Sequence[Artifact],
    splits: Sequence[Artifact],
    raw: Sequence[str | Path],
    data: Mapping[str, Mapping[str, Any]],
    output: str | Path,
    extremes_images: str | Path,
    *,
    queries: Annotated[Sequence[str], {"uniqueItems": True}] = (),
    methods: SomeMethods = None,
    count: Annotated[int, "1 <= x <= 20"] = 5,
    training_samples: Annotated[int, "0 <= x <= 20"] = 2,
) -> None:
    """The most helpful and the most harmful training samples of chosen queries, and the test samples that the strongest
    training samples help and harm most, with their images. Off while `queries` is empty.

    Writes ``extremes.csv`` and ``extremes_images`` (npz) from score folders and the runs' ``labels.csv`` and
    ``splits.csv``; fewer samples on a side where there are fewer than twice as many. ``raw`` stands for the verified
    files of the datasets; ``data`` maps each run to the dataset's ``name``, ``folder`` and ``options``. The npz
    holds, for the lowest seed of each variant, ``<variant>/train`` and ``<variant>/test`` (uint8 [m, c, h, w]) of the
    samples in the table, their positions ``<variant>/train_index`` and ``<variant>/test_index``, and the names
    ``<variant>/classes``; of samples that are no pictures also ``…_names`` and ``…_texts``.

    Options:
        queries: Names of queries, such as `test_mean` or `test_sample_3`; each one must be among the study's queries.
        methods: Labels of the methods that take part. null takes all.
        count: Samples on each side.
        training_samples: For so many training samples, those with the largest contributions to the first of `queries`
            in size, also the test samples that they help and harm most.
    """
    tables = {artifact.run.name: read_run_labels(artifact.path) for artifact in labels}
    split_files = {artifact.run.name: artifact.path for artifact in splits}
    read = {
        name: {
            split: read_pictures(**data[name], splits_csv=path, split=split) for split in ("train", "test")
        }
        for name, path in split_files.items()
    }
    classes = {run: dataset(**data[run]).classes for run in split_files}
    named = any(shown.names is not None for of_run in read.values() for shown in of_run.values())
    rows: list[dict[str, Any]] = []
    for artifact in of_labels(scores, methods):
        run, found = artifact.run, read_scores(artifact.path)
        labelled, test_labels = tables[run.name], read[run.name]["test"].labels
        check_length(found, labelled, artifact.path)
        singles = {query.name: query.position for query in vector_queries(found.queries)}
        columns = run.columns | {"method": artifact.label, "unit": found.attributes["unit"]}
        for pair in _pairs(found, list(queries), singles, count, training_samples):
            row = (
                columns
                | pair
                | labelled.loc[pair["training"], ["label", "clean_label", "is_noisy"]].to_dict()
            )
            if pair["query"] in singles:
                row["test"] = singles[pair["query"]]
                row["test_label"] = test_labels[row["test"]]
            rows.append(row | (_names(row, read[run.name], classes[run.name]) if named else {}))
    made = pd.DataFrame(rows, columns=[*COLUMNS, *(NAMES if named else ())])
    write_table(made, output)
    runs = sorted((artifact.run for artifact in splits), reverse=True)
    shown = {
        variant: (made[made["run"] == run], read[run], classes[run])
        for variant, run in {run.variant: run.name for run in runs}.items()
    }
    _write_pictures(shown, extremes_images)


def extreme_positions(values: np.ndarray, count: int) -> dict[str, np.ndarray]:
    """Return the positions of the largest and of the smallest of the values [m], the most extreme first.

    At most half of them on each side; nothing where a value is not finite.

    >>> {side: at.tolist() for side, at in extreme_positions(np.array([3.0, -1.0, 2.0]), 1).items()}
    {'helpful': [0], 'harmful': [1]}
    """
    if not np.isfinite(values).all():
        return {side: np.zeros(0, np.int64) for side in SIDES}
    count = min(count, len(values) // 2)
    order = np.argsort(-values, kind="stable")  # one order, so that no position is at both ends of a tie
    return {"helpful": order[:count], "harmful": order[::-1][:count]}


def _pairs(
    found: Scores, queries: Sequence[str], singles: Mapping[str, int], count: int, training_samples: int
) -> Iterator[dict[str, Any]]:
    scored = found.scored
    for query in queries:
        values = found.of_query(query)[scored].astype(np.float64)
        for side, positions in extreme_positions(values, count).items():
            for rank, position in enumerate(positions, 1):
                yield {
                    "given": "query",
                    "query": query,
                    "side": side,
                    "rank": rank,
                    "training": int(scored[position]),
                    "contribution": values[position],
                }
    size = np.abs(found.of_query(queries[0])[scored].astype(np.float64))
    if not np.isfinite(size).all():
        return
    names = list(singles)
    for subject, position in enumerate(np.argsort(-size, kind="stable")[:training_samples], 1):
        values = np.array([found.of_query(query)[scored[position]] for query in names], dtype=np.float64)
        for side, places in extreme_positions(values, count).items():
            for rank, place in enumerate(places, 1):
                yield {
                    "given": "training",
                    "query": names[place],
                    "subject": subject,
                    "side": side,
                    "rank": rank,
                    "training": int(scored[position]),
                    "contribution": values[place],
                }


def _names(row: Mapping[str, Any], read: Mapping[str, Shown], classes: Sequence[str]) -> dict[str, Any]:
    """Return what the samples and the label of a row are called."""
    found = {"label_name": classes[int(row["label"])]}
    for split, column in (("train", "training"), ("test", "test")):
        names = read[split].names
        if names is not None and column in row:
            found[f"{column}_name"] = names[row[column]]
    return found


def _write_pictures(shown: Mapping[str, tuple[Any, ...]], path: str | Path) -> None:
    arrays = {}
    for variant, (made, read, classes) in shown.items():
        for split, column in (("train", "training"), ("test", "test")):
            index = np.unique(made[column].dropna().to_numpy(np.int64))
            arrays[f"{variant}/{split}"] = read[split].pictures[index]
            if read[split].texts is not None:
                arrays[f"{variant}/{split}_names"] = np.array([read[split].names[at] for at in index], str)
                arrays[f"{variant}/{split}_texts"] = np.array([read[split].texts[at] for at in index], str)
            arrays[f"{variant}/{split}_index"] = index
        arrays[f"{variant}/classes"] = np.array(classes)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with Path(path).open("wb") as file:
        np.savez_compressed(file, **arrays)
