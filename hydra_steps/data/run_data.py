"""The data of one run: standardised images and labels of its three splits, read from its two CSV files.

``x[n, c, h, w] = (pixel / white − mean[c]) / std[c]``, with the dataset's published constants; a user's own data by
the training split's own (:mod:`hydra_steps.data.scaling`).

Index letters: ``n`` sample, ``c`` channel, ``h`` and ``w`` pixel row and column.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydra_steps.config.datasets import Dataset, dataset, padded_shape
from hydra_steps.config.targets import CLASS
from hydra_steps.data.checks import check_part
from hydra_steps.data.fetch import read_content, verify_files
from hydra_steps.data.group import members_of
from hydra_steps.data.raw import Part
from hydra_steps.data.scaling import scaling_of, standardise
from hydra_steps.data.tables import SPLITS, read_labels, read_splits
from hydra_steps.data.target_columns import differ, from_columns
from hydra_steps.errors import StudyError


@dataclass(frozen=True)
class Split:
    """``inputs`` as the model takes them (images float32 ``[n, c, h, w]``, standardised); ``targets`` as the loss does
    (classes int64 ``[n]``; noisy in the training split); ``source_index`` int64 ``[n]``, the positions in the dataset's
    part."""

    inputs: Any  # an array, or a Group of them
    targets: np.ndarray
    source_index: np.ndarray

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class RunData:
    """The three splits of a run; ``clean_targets`` int64 ``[n]`` and ``is_noisy`` bool ``[n]`` of the training
    split, None where the clean labels are not known.

    ``outputs`` names what is asked about: the classes, the labels, the numbers, or the tokens; ``asks`` says which.
    ``digest`` is the SHA-256 of the shapes and bytes of all inputs and targets.
    """

    train: Split
    validation: Split
    test: Split
    clean_targets: np.ndarray | None
    is_noisy: np.ndarray | None
    outputs: tuple[str, ...]
    name: str
    digest: str
    asks: str = CLASS

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; none where another thing is asked of a sample."""
        return self.outputs if self.asks == CLASS else ()


def load_run_data(
    name: str,
    folder: str | Path,
    splits_csv: str | Path,
    labels_csv: str | Path,
    pad: int = 0,
    channels: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> RunData:
    """Return the data of a run of dataset ``name``, whose verified raw files are in ``<folder>/<name>/``; with its
    ``options``, where it has any.

    ``pad`` black pixels are added on each side before standardising; ``channels`` repeats a grey image that
    often (28×28 grey images become 3×32×32 with ``pad=2, channels=3``). Memory: 4 bytes per pixel of the
    run's samples, and 1 per pixel of the dataset. Cost: one pass over the dataset, SHA-256 included.

    Raises :class:`StudyError` for raw files that are missing or wrong, and for CSV files that are malformed
    or do not fit the dataset or each other.
    """
    entry = dataset(name, folder, options)
    padded_shape(entry, pad, channels)
    splits = read_splits(splits_csv, entry)
    labels = read_labels(labels_csv, entry)
    parts = read_parts(name, folder, options)
    raw = {split: _split(entry, parts, splits[splits["split"] == split]) for split in SPLITS}
    scaling = scaling_of(entry, raw["train"].inputs)
    made = {
        split: replace(one, inputs=standardise(one.inputs, scaling, pad, channels))
        for split, one in raw.items()
    }
    clean, train = made["train"].targets, made["train"]
    known = not labels["is_noisy"].isna().any()
    _check_labels(labels, clean, entry if known else None, labels_csv, splits_csv)
    noisy = from_columns(labels, entry.asks, len(entry.outputs)).astype(clean.dtype)
    made["train"] = Split(train.inputs, noisy, train.source_index)
    return RunData(
        train=made["train"],
        validation=made["validation"],
        test=made["test"],
        clean_targets=clean if known else None,
        is_noisy=differ(noisy, clean) if known else None,
        outputs=entry.outputs,
        name=name,
        digest=_digest(made),
        asks=entry.asks,
    )


def read_parts(name: str, folder: str | Path, options: Mapping[str, Any] | None = None) -> dict[str, Part]:
    """Return the parts of dataset ``name`` from ``<folder>/<name>/``: files verified, shapes and labels
    checked."""
    entry = dataset(name, folder, options)
    home = entry.source
    verify_files(entry, home)
    parts = read_content(entry, home)
    for part, there in entry.parts.items():
        images, labels = parts[part].inputs, parts[part].targets
        shape = (there, *entry.shape)
        if entry.asks != CLASS:
            check_part(parts[part], entry, part, there, home)
            continue
        if images.shape != shape or images.dtype != entry.dtype or labels.shape != (there,):
            raise StudyError(
                f"the {part} part of {name} in {home} has images {images.dtype} {images.shape} "
                f"and labels {labels.shape}",
                f"images {entry.dtype} {shape} and labels ({there},)",
                "remove the raw files and fetch the data again",
            )
        if there and not (labels.min() >= 0 and labels.max() < len(entry.classes)):
            raise StudyError(
                f"the {part} part of {name} in {home} has labels from {labels.min()} to {labels.max()}",
                f"labels from 0 to {len(entry.classes) - 1}",
                "remove the raw files and fetch the data again",
            )
    return parts


def _split(entry: Dataset, parts: dict[str, Part], rows: pd.DataFrame) -> Split:
    part = parts[rows["source"].iloc[0]] if len(rows) else parts["train"]
    positions = rows["source_index"].to_numpy(np.int64)
    targets = part.targets[positions]
    return Split(
        part.inputs[positions], targets.astype(np.int64) if entry.asks == CLASS else targets, positions
    )


def _check_labels(
    labels: pd.DataFrame,
    clean: np.ndarray,
    known: Dataset | None,
    labels_csv: str | Path,
    splits_csv: str | Path,
) -> None:
    remedy = "run noise_labels again on these splits"
    if len(labels) != len(clean):
        raise StudyError(
            f"{labels_csv} has {len(labels)} rows",
            f"{len(clean)}, the training samples of {splits_csv}",
            remedy,
        )
    if known is None:
        return
    told = from_columns(labels, known.asks, len(known.outputs), "clean_")
    wrong = np.flatnonzero(differ(told, clean))
    if len(wrong):
        row = int(wrong[0])
        raise StudyError(
            f"{labels_csv} says that the clean {'label' if known.asks == CLASS else 'target'} of sample {row} is "
            f"{told[row].tolist()}",
            f"{clean[row].tolist()}, as in the dataset ({len(wrong)} rows differ)",
            remedy,
        )


def _digest(splits: dict[str, Split]) -> str:
    digest = hashlib.sha256()
    for split in SPLITS:
        labels = np.ascontiguousarray(splits[split].targets)
        for name, member in members_of(splits[split].inputs).items():
            inputs = np.ascontiguousarray(member)
            told = f"{split} {inputs.shape} {inputs.dtype.str} {labels.dtype.str}"
            digest.update(f"{told} {name}\n".encode() if name else f"{told}\n".encode())
            digest.update(inputs.data)
        digest.update(labels.data)
    return digest.hexdigest()
