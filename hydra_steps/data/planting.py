"""Plant wrong labels into a copy of a run's training labels, beside the mistakes that they have.

What is planted is known by comparing the copy's labels with those of the run. Of the labels' own mistakes nothing more
becomes known: ``clean_label`` and ``is_noisy`` say as much as they did.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydra_steps.config.datasets import dataset
from hydra_steps.data.noise import draw_targets
from hydra_steps.data.run_data import read_parts
from hydra_steps.data.scaling import scaling_of, standardise
from hydra_steps.data.seeding import generator_of
from hydra_steps.data.tables import label_columns, read_labels, read_splits, write_csv
from hydra_steps.registry import find


def plant_labels(
    splits_csv: str | Path,
    labels_csv: str | Path,
    name: str,
    folder: str | Path,
    kind: str,
    rate: float,
    seed: int,
    number: int,
    output: str | Path,
    source: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Write ``labels.csv`` of the ``number``-th copy of the run whose splits and labels are given.

    ``name`` and ``folder`` say where the data are, ``source`` holds the dataset's own options; noise of a ``kind``
    changes a share ``rate`` of the labels as if they were clean. The same arguments give the same file, byte for
    byte.
    """
    entry = dataset(name, folder, source)
    given = read_labels(labels_csv, entry)
    images = None
    if find("noise", kind).traits["images"]:
        rows = read_splits(splits_csv, entry)
        rows = rows[rows["split"] == "train"]
        part = read_parts(name, folder, source)[rows["source"].iloc[0]]
        inputs = part.inputs[rows["source_index"].to_numpy()]
        images = standardise(inputs, scaling_of(entry, inputs))
    own = int(generator_of(seed, "planted", 0.0, number).integers(2**32))
    label = draw_targets(given["label"].to_numpy(), len(entry.classes), kind, {"rate": rate}, own, images)
    known = not given["clean_label"].isna().any()
    noisy = (label != given["clean_label"]).astype(np.int64) if known else None
    table = given.assign(label=label, is_noisy=noisy)[list(label_columns(entry.asks, len(entry.outputs)))]
    write_csv(table, output)
    return table
