"""The label noise that a run really got: its rate and its class-transition matrix.

    rate         share of the training samples whose label is not the true one
    transition   share of the samples of class ``clean_label`` that carry ``label``; rows sum to 1; of classes alone

``n`` is the number of samples behind the share. These are counts of what is there, so they have no
interval. Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hydra_steps.csv_files import read_csv
from hydra_steps.registry.decorators import table
from hydra_steps.tables.layout import Artifact
from hydra_steps.tables.tidy import make_table, write_table


@table("noise", title="Label noise", keys=["clean_label", "label"], when="labels_known", order=20)
def describe_noise(labels: Sequence[Artifact], output: str | Path) -> None:
    """Write ``noise.csv`` from the runs' ``labels.csv``."""
    rows = []
    for artifact in labels:
        given = read_csv(artifact.path)
        about = artifact.run.columns
        rate = given["is_noisy"].mean() if len(given) else np.nan
        rows.append(about | {"metric": "rate", "n": len(given), "value": rate})
        if "label" not in given.columns:
            continue
        matrix = transition_matrix(given["clean_label"].to_numpy(), given["label"].to_numpy())
        for true, row in enumerate(matrix):
            samples = int(row.sum())
            for label, count in enumerate(row):
                share = count / samples if samples else np.nan
                cell = {"metric": "transition", "clean_label": true, "label": label, "n": samples}
                rows.append(about | cell | {"value": share})
    write_table(make_table("noise", rows), output)


def transition_matrix(clean_label: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Return the counts [c, c] of samples by true class (row) and given label (column).

    >>> transition_matrix(np.array([0, 0, 1]), np.array([0, 1, 1])).tolist()
    [[1, 1], [0, 1]]
    """
    classes = int(max(clean_label.max(initial=-1), label.max(initial=-1))) + 1
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (clean_label, label), 1)
    return matrix
