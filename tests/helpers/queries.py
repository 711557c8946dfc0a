"""Queries as data for made-up scores: those of a study by their names, and some of no study at all."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from hydra_steps.queries.expansion import expand
from hydra_steps.queries.query import Query

SPLITS = ("test", "validation", "train")


def queries_named(names: Iterable[str]) -> list[Query]:
    """Return the queries of these names; one that no study has is a mean test loss called so."""
    known = _known()
    return [known.get(name) or Query(name, "mean_loss", "split", "test", None, name) for name in names]


@cache
def _known() -> dict[str, Query]:
    kinds = ({"kind": "mean_loss"}, {"kind": "class_loss"})
    kinds += ({"kind": "sample_loss", "count": 300}, {"kind": "sample_margin", "count": 300})
    specs = [{**kind, "split": split} for split in SPLITS for kind in kinds]
    return {query.name: query for query in expand(specs, 12, dict.fromkeys(SPLITS, 300))}
