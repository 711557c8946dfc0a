"""The targets of samples as columns of ``labels.csv``, and back.

    class     label                           a whole number
    labels    label_1, label_2, …             0 or 1 each
    numbers   target_1, target_2, …           real numbers, their shortest decimal form
    tokens    tokens                          whole numbers with spaces between them, −100 where none is asked for

Before each name stands ``clean_`` for the targets before any noise.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hydra_steps.config.targets import CLASS, LABELS, TOKENS
from hydra_steps.errors import StudyError

_NAMES = {LABELS: "label", "numbers": "target"}


def column_names(asks: str, outputs: int) -> list[str]:
    """Return the columns of targets of this kind.

    >>> column_names("numbers", 2)
    ['target_1', 'target_2']
    """
    if asks in _NAMES:
        return [f"{_NAMES[asks]}_{place + 1}" for place in range(outputs)]
    return ["tokens" if asks == TOKENS else "label"]


def to_columns(targets: np.ndarray, asks: str) -> dict[str, np.ndarray]:
    """Return targets [n, …] as columns [n] by name."""
    if asks == CLASS:
        return {"label": targets}
    if asks == TOKENS:
        rows = [" ".join(map(str, row)) for row in targets.tolist()]
        return {"tokens": np.array(rows, dtype=object)}
    return dict(zip(column_names(asks, targets.shape[1]), targets.T, strict=True))


def from_columns(table: pd.DataFrame, asks: str, outputs: int, before: str = "") -> np.ndarray:
    """Return the targets [n, …] that :func:`to_columns` wrote; ``before`` stands before the columns' names."""
    names = [before + name for name in column_names(asks, outputs)]
    if asks == CLASS:
        return table[names[0]].to_numpy(np.int64)
    if asks == TOKENS:
        try:
            rows = [[int(token) for token in str(row).split()] for row in table[names[0]]]
            return np.array(rows, np.int64).reshape(len(rows), -1)
        except ValueError as error:
            raise StudyError(
                f"the column {names[0]} of labels.csv holds no sequences of one length: {error}",
                "whole numbers with spaces between them",
                "run noise_labels again",
            ) from error
    values = table[names].to_numpy(np.float64)
    return values.astype(np.int64) if asks == LABELS else values.astype(np.float32)


def differ(targets: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Return which samples' targets are others than the clean ones, bool [n]."""
    return np.asarray((targets != clean).reshape(len(targets), int(np.prod(targets.shape[1:]))).any(1))
