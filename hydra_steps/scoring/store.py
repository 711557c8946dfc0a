"""The scores' store: one contribution c[q, n] per query and training sample, and how to read it.

    c[q, n] = −∂f_q/∂w_n      positive helps: the predicted rise of query q if sample n were removed

A folder holds ``store.zarr`` (array ``contribution`` [query, sample], attributes) and ``manifest.json``
(the same identity without the clock's readings, so that two equal computations leave equal manifests).
``complete`` is written last; a store without it, or whose content does not match its digest, is refused.
Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.errors import StudyError, nearest
from hydra_steps.queries.query import Query, query_from
from hydra_steps.stores import read_attributes, read_extra, read_store, write_store

SCHEMA_VERSION = 2  # since 2, the attribute ``queries`` says what each query asks, not its name alone
SIGN = "positive helps: predicted rise of the query if the sample is removed"
UNITS = ("query", "rank only")
DIMENSIONS = {"contribution": ("query", "sample")}
# What the clock and the machine's load decide: kept in the store, left out of the manifest.
MEASURED = ("seconds", "seconds_training", "peak_memory_bytes", "diagnostics")


@dataclass(frozen=True)
class Scores:
    """Contributions [q, n] of one method on one run, with the queries and the attributes.

    ``tracked`` lists the only samples that have a contribution (the others are NaN); None where all have one.
    """

    contribution: np.ndarray
    queries: tuple[Query, ...]
    attributes: dict[str, Any]
    tracked: np.ndarray | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the queries, in the order of the contributions' rows."""
        return tuple(query.name for query in self.queries)

    @property
    def has_unit(self) -> bool:
        """Whether the numbers are in the query's unit; where not, only their order means something."""
        return bool(self.attributes["unit"] == "query")

    def of_query(self, query: str) -> np.ndarray:
        """Return the contributions [n] to one query; an unknown name is a :class:`StudyError`."""
        names = self.names
        if query not in names:
            raise StudyError(f"query {query!r} is not among the scores' queries", fix=nearest(query, names))
        row: np.ndarray = self.contribution[names.index(query)]
        return row

    @property
    def scored(self) -> np.ndarray:
        """Positions of the samples that have a contribution [m]: the tracked ones, or all."""
        return np.arange(self.contribution.shape[1]) if self.tracked is None else np.sort(self.tracked)


def write_scores(
    path: str | Path,
    contribution: np.ndarray,
    queries: Sequence[Query],
    attributes: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write ``store.zarr`` and ``manifest.json`` into the folder ``path``; ``complete: true`` comes last.

    ``contribution`` is float32 or float64 of shape [q, n], kept in its type. ``attributes`` must carry
    ``method`` and ``unit`` (``query`` or ``rank only``); ``sign``, ``schema_version``, ``queries`` and
    ``digest`` are added. ``arrays`` are kept beside the contribution under their names. Non-finite
    contributions are stored as they are: they are a finding about the method.
    """
    contribution = np.ascontiguousarray(contribution)
    _check(contribution, queries, attributes)
    described = {**attributes, "schema_version": SCHEMA_VERSION, "sign": SIGN}
    described["queries"] = [query.plain() for query in queries]
    write_store(path, {"contribution": contribution}, DIMENSIONS, described, MEASURED, arrays)


def read_scores(path: str | Path) -> Scores:
    """Read the folder that :func:`write_scores` wrote; anything missing, unfinished or altered is refused."""
    arrays, attributes = read_store(path, DIMENSIONS, SCHEMA_VERSION)
    tracked = read_extra(path, "tracked")
    queries = tuple(query_from(fields) for fields in attributes["queries"])
    return Scores(arrays["contribution"], queries, attributes, tracked)


def read_queries(path: str | Path) -> tuple[Query, ...]:
    """Read what the scores in the folder ``path`` are about, without the scores."""
    return tuple(query_from(fields) for fields in read_attributes(path, SCHEMA_VERSION)["queries"])


def method_of(path: str | Path) -> str:
    """Return the name of the method that computed the scores in a folder, whatever their label."""
    return str(read_attributes(path, SCHEMA_VERSION)["method"])


def _check(contribution: np.ndarray, queries: Sequence[Query], attributes: Mapping[str, Any]) -> None:
    if contribution.ndim != 2 or contribution.dtype not in (np.float32, np.float64):
        raise StudyError(
            f"contributions of shape {contribution.shape} and type {contribution.dtype}",
            "[query, sample] in float32 or float64",
        )
    names = [query.name for query in queries]
    if contribution.shape[0] != len(names) or len(set(names)) != len(names):
        raise StudyError(
            f"{contribution.shape[0]} rows of contributions for the queries {names}",
            "one row for each query, and no query twice",
        )
    if attributes.get("unit") not in UNITS:
        raise StudyError(f"the scores' unit is {attributes.get('unit')!r}", f"one of {', '.join(UNITS)}")
    if not attributes.get("method"):
        raise StudyError("the scores do not name their method", "the attribute method")
