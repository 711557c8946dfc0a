"""What a study's queries are about, and their words: the table ``queries.csv``, one row per query in the study's order.

Figures, report and explorer take words from here, and choose here which query stands for the study.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from hydra_steps.queries.query import Query, query_from
from hydra_steps.tables.frames import read_tidy
from hydra_steps.tables.writing import write_csv

COLUMNS = ("name", "kind", "over", "split", "index", "words", "quantity")
# They stand in a table's column ``query`` for means over queries.
ALL_QUERIES = "mean_over_queries"
TEST_SAMPLES = "test_samples"
_WORDS = {ALL_QUERIES: "mean over all queries", TEST_SAMPLES: "test samples", "": "any query"}
_MAIN = ("test", "validation", "train")


class Queries:
    """The queries of a study by name, in its order."""

    def __init__(self, queries: Iterable[Query]) -> None:
        self._by_name = {query.name: query for query in queries}

    def __iter__(self) -> Iterator[Query]:
        return iter(self._by_name.values())

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Query:
        return self._by_name[name]

    def words(self, name: str) -> str:
        """Return a query in words, mean test loss, loss of test sample 17, …, or what stands for several."""
        if name in self._by_name:
            return self._by_name[name].words
        return _WORDS.get(name, name.replace("_", " "))

    def is_mean(self, name: str) -> bool:
        """Say whether the query is a mean over a whole split and not one class or sample."""
        return name in self._by_name and self._by_name[name].is_mean

    def main(self, present: Iterable[str]) -> str | None:
        """Return which of ``present`` stands for the study: a mean over the test split, over another, or the first by
        name."""
        found = sorted(set(present) - {ALL_QUERIES})
        for split in _MAIN:
            means = self._means(split, found)
            if means:
                return means[0]
        return found[0] if found else None

    def detection(self, present: Iterable[str]) -> str | None:
        """Return which of ``present`` chooses samples: a mean over the validation split if there is one; the test set
        must not."""
        found = sorted(set(present))
        means = self._means("validation", found)
        return means[0] if means else self.main(found)

    def _means(self, split: str, present: Iterable[str]) -> list[str]:
        """Return the means over a split that are present, in the study's order."""
        found = set(present)
        return [
            query.name for query in self if query.is_mean and query.split == split and query.name in found
        ]


def read_queries_table(path: str | Path) -> Queries:
    """Read ``queries.csv``."""
    table = read_tidy(path, COLUMNS)
    text = [name for name in COLUMNS if name != "index"]
    return Queries(
        query_from({name: str(row[name]) for name in text} | {"index": _number(row["index"])})
        for row in table.to_dict("records")
    )


def _number(cell: float) -> int | None:
    return None if pd.isna(cell) else int(cell)


def write_queries_table(queries: Iterable[Query], path: str | Path) -> None:
    """Write ``queries.csv``; a name that comes twice is written once."""
    unique = {query.name: query for query in queries}
    rows = [[getattr(query, name) for name in COLUMNS] for query in unique.values()]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    write_csv(table.astype({"index": "Int64"}), path)
