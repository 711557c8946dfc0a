"""A query as data: a scalar function f_q of a run's final state, whose change under removal of samples is asked for.

A loss query has the training loss's unit; a margin is a log-odds, so the removal of a helpful sample lowers it. What a
query is about is read from its fields, never from its name. Imports neither numpy nor torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

LOSS = "loss"


@dataclass(frozen=True)
class Query:
    """One scalar query: the mean of ``kind``'s quantity over a split, over a class of it, or of one sample.

    ``over`` says which; ``index`` is the class or the position in ``split``, None for the whole split. ``words``
    complete "the contribution to the …". ``quantity`` is what is asked about, ``loss`` or ``margin``; ``options`` are
    those of the kind.
    """

    name: str
    kind: str
    over: Literal["split", "class", "sample"]
    split: str
    index: int | None
    words: str
    quantity: str = LOSS
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_mean(self) -> bool:
        """Whether it is a mean over a whole split."""
        return self.over == "split"

    @property
    def is_single(self) -> bool:
        """Whether it is about one sample."""
        return self.over == "sample"

    @property
    def position(self) -> int:
        """The position of the one sample that it is about; ValueError for a query about more."""
        if not self.is_single or self.index is None:
            raise ValueError(f"{self.name} is not about one sample")
        return self.index

    def plain(self) -> dict[str, Any]:
        """Return the fields as JSON knows them; :func:`query_from` reads them."""
        return asdict(self) | {"options": dict(self.options)}


def query_from(fields: Mapping[str, Any]) -> Query:
    """Return the query with the fields that :meth:`Query.plain` gave."""
    return Query(**fields)


def vector_queries(queries: Iterable[Query]) -> list[Query]:
    """Return the queries that make up a contribution vector: those about single test samples, in the given order.

    Of the quantities the one with most queries, and losses where two have as many: they differ in unit, so they never
    stand in one vector.
    """
    found: dict[str, list[Query]] = {LOSS: []}
    for query in queries:
        if query.is_single and query.split == "test":
            found.setdefault(query.quantity, []).append(query)
    return max(found.values(), key=len)


def ranking_queries(queries: Iterable[Query]) -> list[Query]:
    """Return the queries that rank samples for a look at their labels: means over the validation and the test split."""
    return [query for query in queries if query.is_mean and query.split in ("validation", "test")]


def flips_prediction(query: Query) -> bool:
    """Say whether the query is about one test sample, so that there is a prediction that could flip."""
    return query.is_single and query.split == "test"
