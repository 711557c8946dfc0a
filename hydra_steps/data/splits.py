"""Draw the training, validation and test split of a run: a seeded, stratified subset of the dataset's parts.

The test split comes out of the dataset's test part, training out of its train part, validation out of either,
without overlap. A dataset that has only a train part (digits) gives all three, disjoint. Each split has the class
shares of what it is drawn from, each class count rounded down or up.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hydra_steps.config.datasets import dataset, source_of, split_sizes
from hydra_steps.data.classes import require_every_class
from hydra_steps.data.run_data import read_parts
from hydra_steps.data.seeding import apportion, random_order, random_stream
from hydra_steps.data.tables import SPLIT_COLUMNS, write_csv

# Drawn in this order, so that asking for more training samples leaves the other two splits as they are.
ORDER = ("test", "validation", "train")


def split_data(
    name: str,
    folder: str | Path,
    train: int | None,
    validation: int | None,
    test: int | None,
    seed: int,
    output: str | Path,
    validation_from: str = "train",
    every_class: Sequence[str] = (),
) -> pd.DataFrame:
    """Draw the splits of dataset ``name`` from ``<folder>/<name>/`` and write them to ``output``
    (splits.csv).

    ``train``, ``validation`` and ``test`` are numbers of samples; ``None`` takes all that the others leave.
    ``validation_from``, train or test, is the part that the validation split is drawn from; ``every_class``: splits
    that must have a sample of each class. Columns: ``split``, ``index`` (position in the split), ``source`` (part of
    the dataset) and ``source_index`` (position in that part). Splits follow one another as train, validation, test,
    each in the order of ``source_index``. The same arguments give the same file, byte for byte; a smaller ``train``
    leaves validation and test unchanged. Cost: reading the data, and O(n log n) for n samples.

    Raises :class:`StudyError` for raw files that are missing or wrong, a bad count or seed, more samples
    than there are, and a class that a split of ``every_class`` has no sample of.
    """
    sizes = split_sizes(name, train, validation, test, validation_from)
    entry = dataset(name)
    parts = read_parts(name, folder)
    stream = random_stream(seed, "splits")
    # Each part in random order: every split is then taken from the front, class by class.
    free = {part: random_order(entry.parts[part], stream) for part in sorted(entry.parts)}
    frames = {}
    for split in ORDER:
        part = source_of(entry, split, validation_from)
        chosen = _draw(free[part], parts[part].targets, sizes[split], len(entry.classes))
        if split in every_class:
            fix = f"raise data.{split}" if len(chosen) < len(free[part]) else "take other data"
            require_every_class(parts[part].targets[chosen], split, entry.classes, fix)
        free[part] = free[part][~np.isin(free[part], chosen)]
        frames[split] = pd.DataFrame(
            {"split": split, "index": np.arange(len(chosen)), "source": part, "source_index": np.sort(chosen)}
        )
    table = pd.concat([frames[split] for split in ("train", "validation", "test")], ignore_index=True)
    write_csv(table[list(SPLIT_COLUMNS)], output)
    return table


def _draw(free: np.ndarray, labels: np.ndarray, size: int, classes: int) -> np.ndarray:
    """Take ``size`` positions from ``free`` (in random order), stratified by class."""
    free_labels = labels[free]
    there = np.bincount(free_labels, minlength=classes)  # [classes]
    counts = apportion(size * there / max(len(free), 1))
    return np.concatenate([free[free_labels == c][: counts[c]] for c in range(classes)])
