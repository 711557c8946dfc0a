"""Reading tidy tables for figures: checked columns, runs and summaries apart, names in words.

A tidy table has one row per measurement: ``variant, run, seed, method, query, metric, <keys>, n, value,
ci_low, ci_high, sd_seeds``. Rows of one run carry its seed; rows with ``seed = all`` are means over the
seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hydra_steps.csv_files import read_csv
from hydra_steps.errors import StudyError

ALL = "all"
_TEXT = ("variant", "run", "seed", "method", "query", "metric", "design")


def read_tidy(path: str | Path, required: Sequence[str]) -> pd.DataFrame:
    """Read a table, with the identifying columns as text and the columns ``required`` present."""
    try:
        table = read_csv(path, dtype={name: "object" for name in _TEXT})
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


def main_design(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows of one counterfactual design: the one called ``groups``, else the first by name."""
    if "design" not in table.columns or table.empty:
        return table
    first = min(set(table["design"].astype(str)), key=lambda name: (name != "groups", name))
    return table[table["design"] == first]


def plural(number: int, noun: str) -> str:
    """Return ``1 seed``, ``2 seeds``, ``1,000 queries``.

    >>> plural(2, "seed")
    '2 seeds'
    """
    many = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number:,} {noun if number == 1 else many}"
