"""Draw the training, validation and test split of a run: a seeded, stratified subset of the dataset's parts.

The test split comes out of the dataset's test part, training out of its train part, validation out of either,
without overlap. A dataset that has only a train part (digits) gives all three, disjoint. Each split has the class
shares of what it is drawn from, each class count rounded down or up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydra_steps.data.registry import Dataset, dataset
from hydra_steps.data.run_data import read_parts
from hydra_steps.data.seeding import apportion, random_order, random_stream
from hydra_steps.data.tables import SPLIT_COLUMNS, write_csv
from hydra_steps.errors import StudyError

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
) -> pd.DataFrame:
    """Draw the splits of dataset ``name`` from ``<folder>/<name>/`` and write them to ``output``
    (splits.csv).

    ``train``, ``validation`` and ``test`` are numbers of samples; ``None`` takes all that the others leave.
    ``validation_from``, train or test, is the part that the validation split is drawn from. Columns: ``split``, ``index`` (position in the split), ``source`` (part of the dataset) and
    ``source_index`` (position in that part). Splits follow one another as train, validation, test, each in
    the order of ``source_index``. The same arguments give the same file, byte for byte; a smaller ``train``
    leaves validation and test unchanged. Cost: reading the data, and O(n log n) for n samples.

    Raises :class:`StudyError` for raw files that are missing or wrong, a bad count or seed, and more samples
    than there are.
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
        chosen = _draw(free[part], parts[part].labels, sizes[split], len(entry.classes))
        free[part] = free[part][~np.isin(free[part], chosen)]
        frames[split] = pd.DataFrame(
            {"split": split, "index": np.arange(len(chosen)), "source": part, "source_index": np.sort(chosen)}
        )
    table = pd.concat([frames[split] for split in ("train", "validation", "test")], ignore_index=True)
    write_csv(table[list(SPLIT_COLUMNS)], output)
    return table


def split_sizes(
    name: str,
    train: int | None,
    validation: int | None,
    test: int | None,
    validation_from: str = "train",
) -> dict[str, int]:
    """Return the number of samples of each split, with ``None`` resolved; reads no data.

    Raises :class:`StudyError` naming the key, the value and the counts when a count is not a whole number ≥
    0, when two splits of one part are ``None``, or when more samples are asked for than there are.
    """
    entry = dataset(name)
    asked: dict[str, Any] = {"train": train, "validation": validation, "test": test}
    for split, count in asked.items():
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
            raise StudyError(
                f"data.{split} is {count!r}",
                "a whole number of at least 0, or null",
                "change it in the config",
            )
    sizes: dict[str, int] = {}
    for part, there in entry.parts.items():
        splits = [split for split in asked if source_of(entry, split, validation_from) == part]
        given = {split: asked[split] for split in splits if asked[split] is not None}
        open_ended = [split for split in splits if asked[split] is None]
        listing = " + ".join(f"data.{split} {count}" for split, count in given.items())
        if sum(given.values()) > there:
            raise StudyError(
                f"{listing} asks for {sum(given.values())} samples of {name}",
                f"at most {there}, which is what its {part} part has",
                f"lower {' or '.join(f'data.{split}' for split in given)}",
            )
        if len(open_ended) > 1:
            raise StudyError(
                f"{' and '.join(f'data.{split}' for split in open_ended)} are null",
                f"at most one null among the splits taken from the {part} part of {name} ({there} samples)",
                "give a number of samples for the others",
            )
        sizes |= given | {split: there - sum(given.values()) for split in open_ended}
    return sizes


def sizes_of(data: dict[str, Any]) -> dict[str, int]:
    """Return :func:`split_sizes` of a study's section ``data``."""
    keys = ("name", "train", "validation", "test", "validation_from")
    return split_sizes(*(data[key] for key in keys))


def source_of(entry: Dataset, split: str, validation_from: str = "train") -> str:
    """Return the part of the dataset that ``split`` is drawn from."""
    wanted = {"train": "train", "validation": validation_from, "test": "test"}[split]
    return wanted if wanted in entry.parts else "train"


def _draw(free: np.ndarray, labels: np.ndarray, size: int, classes: int) -> np.ndarray:
    """Take ``size`` positions from ``free`` (in random order), stratified by class."""
    free_labels = labels[free]
    there = np.bincount(free_labels, minlength=classes)  # [classes]
    counts = apportion(size * there / max(len(free), 1))
    return np.concatenate([free[free_labels == c][: counts[c]] for c in range(classes)])
