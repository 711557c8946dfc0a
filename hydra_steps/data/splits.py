"""Draw the training, validation and test split of a run: a seeded, stratified subset of the dataset's parts.

The test split comes out of the dataset's test part, training out of its train part, validation out of either,
without overlap. A dataset that has only a train part (digits) gives all three, disjoint. Each split has the class
shares of what it is drawn from, each class count rounded down or up; where samples belong together in groups, as nearly
as whole groups allow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydra_steps.config.datasets import Dataset, dataset
from hydra_steps.config.split_sizes import group_wishes, source_of, split_sizes
from hydra_steps.config.targets import CLASS
from hydra_steps.config.whole_groups import whole_groups
from hydra_steps.data.classes import require_every_class
from hydra_steps.data.own.labels import check_classes
from hydra_steps.data.raw import Part
from hydra_steps.data.run_data import read_parts
from hydra_steps.data.seeding import apportion, random_order, random_stream
from hydra_steps.data.tables import NAME_COLUMN, SPLIT_COLUMNS, write_csv

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
    options: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Draw the splits of dataset ``name`` from ``<folder>/<name>/`` and write them to ``output``
    (splits.csv).

    ``train``, ``validation`` and ``test`` are numbers of samples; ``None`` takes all that the others leave.
    ``validation_from``, train or test, is the part that the validation split is drawn from; ``every_class``: splits
    that must have a sample of each class. Columns: ``split``, ``index`` (position in the split), ``source`` (part of
    the dataset) and ``source_index`` (position in that part); of described data also ``name``. Splits follow one
    another as train, validation, test, each in the order of ``source_index``. The same arguments give the same file,
    byte for byte; a smaller ``train`` leaves validation and test unchanged. Cost: reading the data, and O(n log n)
    for n samples.

    Raises :class:`StudyError` for raw files that are missing or wrong, a bad count or seed, more samples
    than there are, a class that a split of ``every_class`` has no sample of, and, of described data, one that is tested
    and not trained.
    """
    entry = dataset(name, folder, options)
    sizes = split_sizes(entry, train, validation, test, validation_from, seed)
    parts = read_parts(name, folder, options)
    stream = random_stream(seed, "splits")
    # Each part in random order: every split is then taken from the front, class by class.
    free = {part: random_order(entry.parts[part], stream) for part in sorted(entry.parts)}
    asked = {"train": train, "validation": validation, "test": test}
    grouped = _by_group(entry, parts, asked, validation_from, seed)
    frames, counts = {}, {}
    for split in ORDER:
        part = source_of(entry, split, validation_from)
        labels = parts[part].targets
        if entry.asks != CLASS:
            labels = np.zeros(len(labels), np.int64)  # one stratum
        if part in grouped:
            chosen = grouped[part][split]
        else:
            kept = entry.described and split != "train" and part == "train"
            candidates = _without_last(free[part], labels, sizes[split]) if kept else free[part]
            chosen = _draw(candidates, labels, sizes[split])
        counts[split] = np.bincount(labels[chosen], minlength=len(entry.classes)).tolist()
        if split in every_class:
            fix = f"raise data.{split}" if len(chosen) < len(free[part]) else "take other data"
            require_every_class(labels[chosen], split, entry.classes, fix)
        free[part] = free[part][~np.isin(free[part], chosen)]
        frames[split] = pd.DataFrame(
            {"split": split, "index": np.arange(len(chosen)), "source": part, "source_index": np.sort(chosen)}
        )
    if entry.described and entry.asks == CLASS:
        check_classes(counts, entry.classes, f"the splits of {name} with data.train {sizes['train']}")
    table = pd.concat([frames[split] for split in ("train", "validation", "test")], ignore_index=True)
    columns = list(SPLIT_COLUMNS)
    if entry.described:
        names = {part: list(one.names or ()) for part, one in parts.items()}
        table[NAME_COLUMN] = [
            names[part][at] for part, at in zip(table["source"], table["source_index"], strict=True)
        ]
        columns.append(NAME_COLUMN)
    write_csv(table[columns], output)
    return table


def _by_group(
    entry: Dataset,
    parts: Mapping[str, Part],
    asked: Mapping[str, int | None],
    validation_from: str,
    seed: int,
) -> dict[str, dict[str, np.ndarray]]:
    """Return part → split → positions, of the parts whose samples have groups."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for part, groups in entry.groups.items():
        own = {
            split: count for split, count in asked.items() if source_of(entry, split, validation_from) == part
        }
        drawn = whole_groups(groups, *group_wishes(entry, part, own), seed)
        of_sample = np.unique(np.asarray(parts[part].groups), return_inverse=True)[1]
        found[part] = {split: np.flatnonzero(np.isin(of_sample, places)) for split, places in drawn.items()}
        rest = np.ones(entry.parts[part], bool)
        for positions in found[part].values():
            rest[positions] = False
        found[part] |= {split: np.flatnonzero(rest) for split in own if split not in drawn}
    return found


def _draw(free: np.ndarray, labels: np.ndarray, size: int) -> np.ndarray:
    """Take ``size`` positions from ``free`` (in random order), stratified by class."""
    free_labels = labels[free]
    there = np.bincount(free_labels, minlength=int(labels.max(initial=0)) + 1)  # [classes]
    counts = apportion(size * there / max(len(free), 1))
    return np.concatenate([free[free_labels == c][: counts[c]] for c in range(len(there))])


def _without_last(free: np.ndarray, labels: np.ndarray, size: int) -> np.ndarray:
    """Return ``free`` without one sample of each class, which is left for training; as it is where that is too few."""
    last = len(free) - 1 - np.unique(labels[free][::-1], return_index=True)[1]
    rest = np.delete(free, last)
    return rest if len(rest) >= size else free
