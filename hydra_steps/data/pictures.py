"""The samples of a split as published: 8-bit pictures and clean labels, for figures. Imports no torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hydra_steps.config.datasets import dataset
from hydra_steps.data.run_data import read_parts
from hydra_steps.data.tables import read_splits


def read_pictures(
    name: str, folder: str | Path, splits_csv: str | Path, split: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the images uint8 ``[n, c, h, w]``, 0 black and 255 white, and the labels ``[n]`` of a split.

    The raw files in ``<folder>/<name>/`` are verified; :class:`~hydra_steps.errors.StudyError` where they are missing
    or wrong, or where the splits do not fit. Cost: one pass over the dataset, SHA-256 included.
    """
    entry = dataset(name)
    rows = read_splits(splits_csv, entry)
    rows = rows[rows["split"] == split]
    parts = read_parts(name, folder)
    part = parts[rows["source"].iloc[0]] if len(rows) else next(iter(parts.values()))
    positions = rows["source_index"].to_numpy(np.int64)
    images = part.inputs[positions].astype(np.uint16) * 255 // int(entry.white)
    return images.astype(np.uint8), part.targets[positions].astype(np.int64)
