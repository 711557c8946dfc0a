"""Samples that are nearly the same, in one split or in two of them, and samples like no others: cleanlab's Datalab.

A near duplicate of a training sample in the validation or the test split is a leak: the model is measured on what it
has seen. Distances are taken on the inputs, reduced to their first principal components, without any label or model.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydra_steps.audit.writing import RUN, write_dicts
from hydra_steps.config.datasets import dataset
from hydra_steps.csv_files import read_csv
from hydra_steps.data.run_data import read_parts
from hydra_steps.data.tables import SPLITS, read_splits
from hydra_steps.registry.decorators import table
from hydra_steps.tables.layout import Artifact

COLUMNS = (*RUN, "kind", "split", "sample", "other_split", "other_sample", "score")
COMPONENTS = 50


@table(
    "audit_look_alikes",
    title="Near duplicates and outliers",
    when="audit.copies and audit.datalab",
    settings={"data": "datasets"},
    order=83,
)
def find_look_alikes(
    *,
    audited_splits: Sequence[Artifact],
    raw: Sequence[str | Path],
    data: Mapping[str, Mapping[str, Any]],
    output: str | Path,
) -> None:
    """Write ``audit_look_alikes.csv``: pairs of ``kind`` leak (of two splits) and duplicate (of one), and outliers,
    each kind with the clearest first. ``score`` is Datalab's, 0 the worst.

    The datasets' verified files ``raw`` stand for what is read: ``data`` maps each run to its dataset.
    """
    splits = audited_splits[0]
    inputs, where = read_inputs(splits.path, data[splits.run.name])
    write_dicts(output, COLUMNS, splits.run.columns, look_alikes(inputs, where))


def read_inputs(splits: str | Path, data: Mapping[str, Any]) -> tuple[np.ndarray, list[tuple[str, int]]]:
    """Return the inputs [n, d] float64 of all splits, and the split and the position of each."""
    rows = read_splits(splits, dataset(**data))
    parts = read_parts(**data)
    inputs, where = [], []
    for split in SPLITS:
        own = rows[rows["split"] == split]
        for source, of_part in own.groupby("source", sort=False):
            found = parts[str(source)].inputs[of_part["source_index"].to_numpy()]
            inputs.append(found.reshape(len(found), -1).astype(np.float64))
        where += [(split, position) for position in range(len(own))]
    return np.concatenate(inputs), where


def look_alikes(inputs: np.ndarray, where: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    """Return the rows of the table for inputs [n, d] whose split and position are given."""
    from cleanlab import Datalab  # an optional library

    with contextlib.redirect_stdout(io.StringIO()):
        lab = Datalab({"sample": np.arange(len(inputs))}, verbosity=0)
        lab.find_issues(features=_reduced(inputs), issue_types={"near_duplicate": {}, "outlier": {}})
        near, alone = lab.get_issues("near_duplicate"), lab.get_issues("outlier")
    rows = [*_pairs(near, where)]
    for sample in np.flatnonzero(alone["is_outlier_issue"].to_numpy()).tolist():
        split, position = where[sample]
        cells = {"kind": "outlier", "split": split, "sample": position}
        rows.append(cells | {"score": float(alone["outlier_score"].iloc[sample])})
    order = ("leak", "duplicate", "outlier")
    return sorted(rows, key=lambda row: (order.index(row["kind"]), row["score"]))


def near_duplicates(table: str | Path | None) -> dict[int, list[str]]:
    """Return the near duplicates of each training sample that has any, such as "train 12" or, a leak, "test 3", from
    ``audit_look_alikes.csv``; none without that table."""
    found: dict[int, list[str]] = {}
    for row in [] if table is None else read_csv(table).to_dict("records"):
        if row["kind"] == "outlier":
            continue
        pair = [(str(row["split"]), int(row["sample"])), (str(row["other_split"]), int(row["other_sample"]))]
        for (split, sample), (other_split, other) in (pair, pair[::-1]):
            if split == "train":
                found.setdefault(sample, []).append(f"{other_split} {other}")
    return found


def _pairs(near: pd.DataFrame, where: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    """Each pair once, the earlier of the two first."""
    pairs: dict[tuple[int, int], float] = {}
    for sample in np.flatnonzero(near["is_near_duplicate_issue"].to_numpy()):
        for other in near["near_duplicate_sets"].iloc[sample]:
            pair = (min(int(sample), int(other)), max(int(sample), int(other)))
            pairs[pair] = min(float(near["near_duplicate_score"].iloc[sample]), pairs.get(pair, 1.0))
    rows = []
    for (first, second), score in pairs.items():
        (split, position), (other_split, other) = where[first], where[second]
        kind = "duplicate" if split == other_split else "leak"
        pair_of = {"split": split, "sample": position, "other_split": other_split, "other_sample": other}
        rows.append({"kind": kind, **pair_of, "score": score})
    return rows


def _reduced(inputs: np.ndarray) -> np.ndarray:
    from sklearn.decomposition import PCA

    spread = inputs.std(axis=0)
    scaled: np.ndarray = (inputs - inputs.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    if min(scaled.shape) <= COMPONENTS:
        return scaled
    reduced: np.ndarray = PCA(COMPONENTS, svd_solver="covariance_eigh").fit_transform(scaled)
    return reduced
