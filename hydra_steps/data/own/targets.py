"""What is asked of a sample where it is no class: numbers to be predicted, several labels, the next tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hydra_steps.data.checks import ABSENT
from hydra_steps.errors import StudyError


def numbers_of(
    values: np.ndarray, names: Sequence[str], parts: Sequence[str] | None, where: str
) -> np.ndarray:
    """Return numbers [n, k] as float32, each of the k of mean 0 and deviation 1 over the samples that are trained on.

    ``parts``: the part of each sample, None where all are one. Raises :class:`StudyError` for what is no finite number.
    """
    found = np.asarray(values, np.float64)
    bad = np.argwhere(~np.isfinite(found))
    if len(bad):
        row, place = bad[0]
        raise StudyError(
            f"{where}: the target of {names[row]} is {found[row, place]}",
            "finite numbers",
            "correct the value",
        )
    train = found if parts is None else found[np.asarray(parts) == "train"]
    deviation = train.std(axis=0)
    centred: np.ndarray = found - train.mean(axis=0)
    return (centred / np.where(deviation > 0, deviation, 1.0)).astype(np.float32)


def labels_of(values: np.ndarray, names: Sequence[str], where: str) -> np.ndarray:
    """Return labels 0 or 1 [n, k] as int64; :class:`StudyError` for any other value."""
    found = np.asarray(values, np.float64)
    bad = np.argwhere((found != 0) & (found != 1))
    if len(bad):
        row, place = bad[0]
        raise StudyError(
            f"{where}: a label of {names[row]} is {found[row, place]:g}",
            "0 or 1 for each label",
            "correct the value",
        )
    return found.astype(np.int64)


def next_tokens(tokens: np.ndarray, padding: int = 0) -> np.ndarray:
    """Return the token after each [n, length]; none after the last one and in the padding.

    >>> next_tokens(np.array([[5, 6, 0]])).tolist()
    [[6, -100, -100]]
    """
    after = np.concatenate([tokens[:, 1:], np.full((len(tokens), 1), padding)], axis=1)
    return np.where((tokens == padding) | (after == padding), ABSENT, after)
