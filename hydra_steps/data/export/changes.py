"""What is changed of data when they are written again: labels by class, and samples that are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hydra_steps.data.own.store import members
from hydra_steps.data.raw import Part


@dataclass(frozen=True)
class Change:
    """Of one part of a dataset: position → its new class, and the positions that are left out."""

    label: Mapping[int, int] = field(default_factory=dict)
    removed: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Records:
    """Samples in the order in which they are read: the class ``before`` and ``after`` [n], and whether each is
    ``kept`` [n]."""

    before: np.ndarray
    after: np.ndarray
    kept: np.ndarray

    def written(self, values: Sequence[Any], own: slice = slice(None)) -> list[Any]:
        """Return the labels as they are to be written: of a class as its first sample has it, of ``own`` samples if
        one of them is of the class. ``values`` [n] are all labels as they came; those of ``own`` are returned.
        """
        every = range(len(values))
        first: dict[int, Any] = {}
        for at in (*every[own], *every):
            first.setdefault(int(self.before[at]), values[at])
        return [
            values[at] if self.before[at] == self.after[at] else first[int(self.after[at])]
            for at in every[own]
        ]


def records_of(
    parts: Sequence[str] | None, read: Mapping[str, Part], changes: Mapping[str, Change], count: int
) -> Records:
    """Return the records of ``count`` samples whose ``parts`` are given (None: all are for training).

    ``read``: the parts of the dataset as they were read; ``changes`` by part.
    """
    before, kept = np.zeros(count, np.int64), np.ones(count, bool)
    after = before.copy()
    for part, positions in members(parts, count).items():
        before[positions] = read[part].targets
        after[positions], kept[positions] = changed(read[part].targets, changes.get(part, Change()))
    return Records(before, after, kept)


def changed(targets: np.ndarray, change: Change) -> tuple[np.ndarray, np.ndarray]:
    """Return the new classes [n] of a part, and which of its samples are kept [n]."""
    after, kept = np.array(targets, np.int64), np.ones(len(targets), bool)
    after[list(change.label)] = list(change.label.values())
    kept[list(change.removed)] = False
    return after, kept
