"""Reading tidy tables for figures: checked columns, runs and summaries apart, names in words.

A tidy table has one row per measurement: ``variant, run, seed, method, query, metric, <keys>, n, value,
ci_low, ci_high, sd_seeds``. Rows of one run carry its seed; rows with ``seed = all`` are means over the
seeds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from hydra_steps.errors import StudyError

ALL = "all"
_TEXT = ("variant", "run", "seed", "method", "query", "metric", "design")
_SPLITS = {"train": "training", "validation": "validation", "test": "test"}


def read_tidy(path: str | Path, required: Sequence[str]) -> pd.DataFrame:
    """Read a table, with the identifying columns as text and the columns ``required`` present."""
    try:
        table = pd.read_csv(path, dtype={name: "object" for name in _TEXT}, keep_default_na=True)
    except (OSError, pd.errors.EmptyDataError) as error:
        raise StudyError(
            f"{path} cannot be read ({error})", "a table in CSV", "let the workflow make it"
        ) from error
    missing = [name for name in required if name not in table.columns]
    if missing:
        raise StudyError(
            f"{path} has no column {', '.join(missing)}",
            f"the columns {', '.join(required)}",
            "remove the file and let the workflow make it again",
        )
    for name in _TEXT:
        if name in table.columns:
            table[name] = table[name].fillna("").astype(str)
    return table


def per_run(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of single runs."""
    return table[table["seed"] != ALL]


def over_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """Return the summary rows (means over seeds)."""
    return table[table["seed"] == ALL]


def variants(table: pd.DataFrame) -> list[str]:
    """Return the variants in the table by name, ``base`` first."""
    return sorted(set(table["variant"]), key=lambda name: (name != "base", name))


def count_seeds(table: pd.DataFrame) -> int:
    """Return how many seeds the rows of single runs have."""
    return int(per_run(table)["seed"].nunique())


ALL_QUERIES = "mean_over_queries"  # stands in the column ``query`` of a mean over all queries


def is_mean_query(query: str) -> bool:
    """Say whether the query is a mean over a whole split (``test_mean``) and not one class or sample."""
    return query in {f"{split}_mean" for split in _SPLITS}


def main_query(queries: Iterable[str]) -> str | None:
    """Return the query that stands for the study: mean test loss, another mean, or the first by name."""
    found = sorted(set(queries) - {ALL_QUERIES})
    for name in ("test_mean", "validation_mean", "train_mean"):
        if name in found:
            return name
    return found[0] if found else None


def detection_query(queries: Iterable[str]) -> str | None:
    """Return the query for choosing samples: the validation loss if there is one; the test set must not."""
    found = sorted(set(queries))
    return "validation_mean" if "validation_mean" in found else main_query(found)


def query_name(query: str) -> str:
    """Return a query in words: mean test loss (``test_mean``), loss of test sample 17, …"""
    if query == ALL_QUERIES:
        return "mean over all queries"
    match = re.fullmatch(r"(train|validation|test)_(mean|class|sample|margin)(?:_(\d+))?", query)
    if match is None:
        return query.replace("_", " ") or "any query"
    split, kind, number = _SPLITS[match[1]], match[2], match[3]
    if kind == "mean":
        return f"mean {split} loss"
    if kind == "class":
        return f"{split} loss, class {number}"
    return f"{'loss' if kind == 'sample' else 'margin'} of {split} sample {number}"


def main_design(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows of one counterfactual design: the one called ``groups``, else the first by name."""
    if "design" not in table.columns or table.empty:
        return table
    designs = sorted(set(table["design"]), key=lambda name: (name != "groups", name))
    return table[table["design"] == designs[0]]


def plural(number: int, noun: str) -> str:
    """Return ``1 seed``, ``2 seeds``, ``1,000 queries``."""
    many = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number:,} {noun if number == 1 else many}"
