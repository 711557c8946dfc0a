"""The samples of a run as the page shows them: pictures or texts and, for each, its name, labels and the model's
answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydra_steps.config.datasets import dataset_of
from hydra_steps.config.sections import Data
from hydra_steps.csv_files import read_csv
from hydra_steps.data.group import members_of
from hydra_steps.data.pictures import Shown, shown
from hydra_steps.data.run_data import read_parts
from hydra_steps.data.scaling import Scaling, scaling_of, standardise
from hydra_steps.data.tables import SPLITS, read_labels, read_splits
from hydra_steps.errors import StudyError
from hydra_steps.explorer.answers import answers_in_words


@dataclass(frozen=True)
class Samples:
    """The samples of one split: how they are ``shown``, ``source`` their positions in the dataset, ``answers`` the rows
    of ``predictions.csv``, ``clean`` the labels before any noise [n], None where these are not known; ``compared``
    [n, ...]: numbers that are near each other where samples are alike."""

    shown: Shown
    source: np.ndarray
    answers: pd.DataFrame
    clean: np.ndarray | None
    compared: np.ndarray


def read_samples(
    data: Data, splits: str | Path, labels: str | Path, predictions: str | Path
) -> tuple[dict[str, Samples], list[str]]:
    """Return the samples of each split of a run whose section ``data`` and files are given, and the words that their
    labels, and what is predicted, count (:mod:`hydra_steps.explorer.answers`).

    Raises :class:`StudyError` where the raw files are missing or wrong, or where the tables do not fit each other.
    """
    entry = dataset_of(data)
    parts = read_parts(data.name, data.folder, data.options)
    table = read_splits(splits, entry)
    answers, clean, words = answers_in_words(read_csv(predictions), read_labels(labels, entry), entry)
    found: dict[str, Samples] = {}
    scaling: Scaling | None = None
    for split in SPLITS:
        rows, own = table[table["split"] == split], answers[answers["split"] == split]
        if len(rows) != len(own):
            raise StudyError(
                f"{predictions} has {len(own)} samples of the split {split}",
                f"{len(rows)}, as {splits} has",
                f"delete {predictions} and run the study again",
            )
        source = rows["source_index"].to_numpy(np.int64)
        part = parts[rows["source"].iloc[0]] if len(rows) else next(iter(parts.values()))
        looks, inputs = shown(entry, part, source), part.inputs[source]
        if not looks.pictures.size:
            scaling = scaling or scaling_of(entry, inputs)  # the training samples', which come first
            inputs = standardise(inputs, scaling)
        before = clean if split == "train" else own["label"].to_numpy()
        found[split] = Samples(
            looks,
            source,
            own.reset_index(drop=True),
            before,
            looks.pictures if looks.pictures.size else _beside(inputs),
        )
    return found, words


def _beside(inputs: Any) -> np.ndarray:
    """All numbers of each sample [n, f]."""
    rows = [np.asarray(member, np.float32) for member in members_of(inputs).values()]
    return np.concatenate([row.reshape(len(row), int(np.prod(row.shape[1:]))) for row in rows], axis=1)
