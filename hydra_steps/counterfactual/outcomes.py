"""Outcomes of re-training without groups of samples: what a batch writes and every metric reads.

    real change of query q by group g  =  value[g, q] − base_value[q]

One folder per batch holds ``store.zarr`` and ``manifest.json``; ``complete: true`` is written last. Groups
are sets of positions in the training split, padded with −1 in the array ``removed``. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.queries.query import Query, query_from
from hydra_steps.stores import read_store, write_store

# Since 2, ``queries`` says what each query asks; since 3, the draws of the truth are kept; since 4, the metric is any.
SCHEMA_VERSION = 4
DIMENSIONS = {
    "group": ("group",),
    "removed": ("group", "member"),
    "value": ("group", "query"),
    "test_metric": ("group",),
    "final_loss": ("group",),
    "base_value": ("query",),
    "draws": ("draw", "group", "query"),
    "base_draws": ("draw", "query"),
}


@dataclass(frozen=True)
class Outcomes:
    """What re-training without each of r groups gave.

    ``group`` [r] int64 numbers in the design; ``removed`` r arrays of positions in the training split;
    ``value`` [r, q] float64 the queries after re-training; ``base_value`` [q] the queries of the run
    itself; ``test_metric`` [r]; ``final_loss`` [r] mean loss over the training samples that were kept. ``draws``
    [d, r, q] and ``base_draws`` [d, q]: the same of each training that the truth is drawn from
    (:mod:`hydra_steps.counterfactual.draws`); ``value`` is the first, or their mean where all are from fresh seeds.
    """

    queries: tuple[Query, ...]
    group: np.ndarray
    removed: tuple[np.ndarray, ...]
    value: np.ndarray
    base_value: np.ndarray
    test_metric: np.ndarray
    final_loss: np.ndarray
    draws: np.ndarray
    base_draws: np.ndarray
    attributes: dict[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the queries, in the order of the values' columns."""
        return tuple(query.name for query in self.queries)

    @property
    def change(self) -> np.ndarray:
        """Real changes of the queries [r, q]."""
        change: np.ndarray = self.value - self.base_value
        return change

    @property
    def change_of_draws(self) -> np.ndarray:
        """Real changes of the queries in each draw [d, r, q]."""
        change: np.ndarray = self.draws - self.base_draws[:, None]
        return change


def write_outcomes(
    path: str | Path,
    *,
    queries: Sequence[Query],
    group: Sequence[int],
    removed: Sequence[np.ndarray],
    value: np.ndarray,
    base_value: np.ndarray,
    test_metric: np.ndarray,
    final_loss: np.ndarray,
    attributes: Mapping[str, Any],
    draws: np.ndarray | None = None,
    base_draws: np.ndarray | None = None,
) -> None:
    """Write one batch into the folder ``path``. ``attributes`` must carry ``design``, ``kind`` and
    ``fraction``. Without ``draws`` the values are the only one.
    """
    largest = max((len(r) for r in removed), default=0)
    padded = np.full((len(removed), largest), -1, np.int64)
    for row, positions in zip(padded, removed, strict=True):
        row[: len(positions)] = positions
    arrays = {
        "group": np.asarray(group, np.int64),
        "removed": padded,
        "value": np.asarray(value, np.float64).reshape(len(removed), len(queries)),
        "test_metric": np.asarray(test_metric, np.float64),
        "final_loss": np.asarray(final_loss, np.float64),
        "base_value": np.asarray(base_value, np.float64),
    }
    arrays["draws"] = arrays["value"][None] if draws is None else np.asarray(draws, np.float64)
    arrays["base_draws"] = (
        arrays["base_value"][None] if base_draws is None else np.asarray(base_draws, np.float64)
    )
    described = {**attributes, "schema_version": SCHEMA_VERSION}
    described["queries"] = [query.plain() for query in queries]
    write_store(path, arrays, DIMENSIONS, described)


def read_outcomes(path: str | Path) -> Outcomes:
    """Read one batch; anything missing, unfinished or altered is refused with :class:`StudyError`."""
    arrays, attributes = read_store(path, DIMENSIONS, SCHEMA_VERSION)
    removed = tuple(row[row >= 0] for row in arrays.pop("removed"))
    queries = tuple(query_from(fields) for fields in attributes["queries"])
    return Outcomes(queries=queries, removed=removed, attributes=attributes, **arrays)
