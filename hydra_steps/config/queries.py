"""The queries of a study, one by one, and those that its tables cannot do without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hydra_steps.config.datasets import dataset_of
from hydra_steps.config.sections import Data
from hydra_steps.config.split_sizes import sizes_of
from hydra_steps.config.sweeps import damping_sweeps
from hydra_steps.errors import StudyError
from hydra_steps.queries.expansion import expand
from hydra_steps.queries.query import Query, ranking_queries

_MEAN = "add {kind: mean_loss, split: validation} to the study's queries"


def study_queries(study: Mapping[str, Any], data: Data | None = None) -> list[Query]:
    """Return the queries that a resolved study asks about ``data`` (a run's section; None for the study's own)."""
    data = Data.of(study["data"]) if data is None else data
    entry = dataset_of(data)
    return expand(study["queries"], len(entry.outputs), sizes_of(data), entry.classes)


def check_queries(study: Mapping[str, Any], queries: Sequence[Query]) -> None:
    """Raise :class:`StudyError` where a table of a resolved ``study`` lacks the query that it is made of.

    Samples are ranked for a look at their labels in every study that has methods; a damping is chosen on validation.
    """
    if study["methods"] and not ranking_queries(queries):
        raise StudyError(
            f"queries: none ranks the samples for a look at their labels ({', '.join(q.name for q in queries)})",
            "a mean over the validation or the test split",
            _MEAN,
        )
    sweeps = damping_sweeps(study["methods"])
    if sweeps and not any(query.split == "validation" for query in queries):
        raise StudyError(
            f"methods: the damping sweep of {next(iter(sweeps))} has no validation query to choose by",
            "at least one query on the validation split",
            _MEAN,
        )
