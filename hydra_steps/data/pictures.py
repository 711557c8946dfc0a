"""The samples of a split as they are shown: 8-bit pictures or lines of text, names and clean labels. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.config.datasets import Dataset, dataset
from hydra_steps.config.targets import CLASS, TOKENS
from hydra_steps.data.group import Group
from hydra_steps.data.raw import Part
from hydra_steps.data.run_data import read_parts
from hydra_steps.data.tables import read_splits


@dataclass(frozen=True)
class Shown:
    """``pictures`` uint8 [n, c, h, w], 0 black and 255 white, of no size (h = w = 0) for samples that are none;
    ``texts`` [n], None for pictures alone; ``names`` [n], None where samples have none; ``labels`` int64 [n]."""

    pictures: np.ndarray
    labels: np.ndarray
    names: Sequence[str] | None = None
    texts: Sequence[str] | None = None


def read_pictures(
    name: str,
    folder: str | Path,
    splits_csv: str | Path,
    split: str,
    options: Mapping[str, Any] | None = None,
) -> Shown:
    """Return the samples of a split as they are shown.

    The raw files in ``<folder>/<name>/`` are verified; :class:`~hydra_steps.errors.StudyError` where they are missing
    or wrong, or where the splits do not fit. Cost: one pass over the dataset, SHA-256 included.
    """
    entry = dataset(name, folder, options)
    rows = read_splits(splits_csv, entry)
    rows = rows[rows["split"] == split]
    parts = read_parts(name, folder, options)
    part = parts[rows["source"].iloc[0]] if len(rows) else next(iter(parts.values()))
    return shown(entry, part, rows["source_index"].to_numpy(np.int64))


def shown(entry: Dataset, part: Part, positions: np.ndarray) -> Shown:
    """Return some samples of a part as they are shown."""
    if entry.kind == "image":
        chosen = part.inputs[positions][
            :, : 3 if part.inputs.shape[1] > 2 else 1
        ]  # alpha, or a second channel, is not shown
        pictures = (chosen.astype(np.uint32) * 255 // int(entry.white)).astype(np.uint8)
    else:
        pictures = np.zeros((len(positions), 1, 0, 0), np.uint8)
    return Shown(
        pictures,
        part.targets[positions].astype(np.int64 if entry.asks == CLASS else part.targets.dtype),
        None if part.names is None else [part.names[at] for at in positions],
        _texts(entry, part, positions),
    )


def _texts(entry: Dataset, part: Part, positions: np.ndarray) -> list[str] | None:
    """The texts that came with the samples; else tokens by their names, and numbers; None for pictures alone."""
    if part.shown is not None:
        return [part.shown[at] for at in positions]
    if entry.kind == "image":
        return None
    if entry.asks == TOKENS:
        rows = part.targets[positions]
        return [" ".join(entry.outputs[token] for token in row if token >= 0) for row in rows]
    if isinstance(part.inputs, Group):
        return None
    return [", ".join(f"{value:.3g}" for value in row.ravel()) for row in part.inputs[positions]]
