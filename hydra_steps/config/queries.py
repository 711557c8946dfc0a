"""The queries of a study, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra_steps.config.datasets import dataset, sizes_of
from hydra_steps.queries.expansion import expand
from hydra_steps.queries.query import Query


def study_queries(study: Mapping[str, Any], data: Mapping[str, Any] | None = None) -> list[Query]:
    """Return the queries that a resolved study asks about ``data`` (a run's section; None for the study's own)."""
    data = study["data"] if data is None else data
    return expand(study["queries"], len(dataset(data["name"]).classes), sizes_of(dict(data)))
