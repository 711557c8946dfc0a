"""Draw the noisy labels of a run's training split, and count what the noise did.

The kinds, and how many labels each changes, are in :mod:`hydra_steps.data.noises`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydra_steps.config.datasets import dataset
from hydra_steps.config.targets import CLASS, LABELS, NUMBERS, TOKENS
from hydra_steps.data.classes import require_every_class
from hydra_steps.data.clean_targets import CleanTargets
from hydra_steps.data.run_data import read_parts
from hydra_steps.data.scaling import scaling_of, standardise
from hydra_steps.data.seeding import random_stream
from hydra_steps.data.tables import read_splits, write_csv
from hydra_steps.data.target_columns import differ, to_columns
from hydra_steps.errors import StudyError
from hydra_steps.registry import find, load
from hydra_steps.registry.options import options_of


def noise_labels(
    splits_csv: str | Path,
    name: str,
    folder: str | Path,
    kind: str,
    options: Mapping[str, Any],
    seed: int,
    output: str | Path,
    every_class: bool = False,
    source: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Draw the noisy labels of the training split in ``splits_csv`` and write them to ``output``
    (labels.csv).

    ``name`` and ``folder`` say where the data are (``<folder>/<name>/``), ``source`` holds the dataset's own options,
    ``kind`` and ``options`` say what becomes of the labels, ``every_class`` that each class must keep a sample.
    Columns: ``index``, ``label``, ``clean_label``, ``is_noisy`` (1 where they differ); the last two are empty where
    the kind does not know the clean labels. The same arguments give the same file, byte for byte. Cost O(n), for
    ``instance`` that of a few logistic regressions.

    Raises :class:`StudyError` for an unknown kind or option, a rate outside [0, 1], a matrix that is not C×C
    row-stochastic, a bad seed, labels that a kind must not return, and raw files or splits that are missing or wrong.
    """
    entry, traits = dataset(name, folder, source), find("noise", kind, "noise.kind").traits
    rows = read_splits(splits_csv, entry)
    rows = rows[rows["split"] == "train"]
    parts = read_parts(name, folder, source)
    part = parts[rows["source"].iloc[0] if len(rows) else "train"]
    positions = rows["source_index"].to_numpy()
    inputs = part.inputs[positions] if traits["images"] else None
    inputs = None if inputs is None else standardise(inputs, scaling_of(entry, inputs))
    clean = part.targets[positions]
    noisy = draw_targets(clean, len(entry.outputs), kind, options, seed, inputs, entry.asks)
    if every_class:
        require_every_class(noisy, "train", entry.classes, "choose another noise")
    table = pd.DataFrame(
        {
            "index": np.arange(len(clean)),
            **to_columns(noisy, entry.asks),
            **{
                f"clean_{name}": values if traits["known"] else None
                for name, values in to_columns(clean, entry.asks).items()
            },
            "is_noisy": differ(noisy, clean).astype(np.int64) if traits["known"] else None,
        }
    )
    write_csv(table, output)
    return table


def draw_targets(
    clean: np.ndarray,
    outputs: int,
    kind: str,
    options: Mapping[str, Any],
    seed: int,
    inputs: np.ndarray | None = None,
    asks: str = CLASS,
) -> np.ndarray:
    """Return noisy targets of the form of ``clean`` ``[n, …]``; ``instance`` needs the images ``[n, c, h, w]``."""
    entry = find("noise", kind, "noise.kind")
    chosen = options_of(entry, options, "noise")
    clean = np.asarray(clean, np.int64 if asks == CLASS else None)
    given = CleanTargets(clean, outputs, random_stream(seed, "noise"), inputs, asks)
    targets = np.asarray(load("noise", kind)(given, **chosen))
    if wrong := _wrong(targets, clean, outputs, asks):
        raise StudyError(
            f"{entry.where}: the noise {kind} returns {targets.dtype} {targets.shape}{wrong[0]}",
            f"{wrong[1]} {clean.shape}{wrong[2]}",
            "mend the function",
        )
    return targets.astype(clean.dtype)


def _wrong(targets: np.ndarray, clean: np.ndarray, outputs: int, asks: str) -> tuple[str, str, str] | None:
    """What is wrong with a noise's targets, as what was found, of what kind they should be, and from where to where."""
    if asks == NUMBERS:
        right = targets.shape == clean.shape and np.issubdtype(targets.dtype, np.floating)
        ok = right and bool(np.isfinite(targets).all())
        return None if ok else (" that are not finite" if right else "", "finite numbers", "")
    right = targets.shape == clean.shape and np.issubdtype(targets.dtype, np.integer)
    if asks == TOKENS and right:
        targets, clean = targets[clean >= 0], clean[clean >= 0]
    most = 1 if asks == LABELS else outputs - 1
    if right and (not len(targets) or (targets.min() >= 0 and targets.max() <= most)):
        return None
    return (
        (f" from {targets.min()} to {targets.max()}" if right else ""),
        "whole numbers",
        f" from 0 to {most}",
    )


def realised_transition(labels: pd.DataFrame, classes: int) -> pd.DataFrame:
    """Return the realised transition matrix as a tidy table of C² rows, sorted by clean label and label.

    ``labels`` has the columns of labels.csv. Columns: ``clean_label``, ``label``, ``count``, and ``share``,
    the count divided by the number of samples with that clean label (0 where there are none).
    """
    flat = labels["clean_label"].to_numpy(np.int64) * classes + labels["label"].to_numpy(np.int64)
    counts = np.bincount(flat, minlength=classes**2).reshape(classes, classes)  # [clean, noisy]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    clean, noisy = np.divmod(np.arange(classes**2), classes)
    return pd.DataFrame(
        {"clean_label": clean, "label": noisy, "count": counts.ravel(), "share": shares.ravel()}
    )
