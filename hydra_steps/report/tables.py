"""Tables as the page shows them: summary rows first, empty columns dropped, numbers short, large tables cut."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath

import pandas as pd

from hydra_steps.config.targets import CLASS, worded
from hydra_steps.registry import entries
from hydra_steps.tables.frames import ALL

MOST_ROWS = 3000  # above this a page gets slow on a phone: summary rows only, then the first so many


@dataclass(frozen=True)
class ShownTable:
    """A table ready for the page; ``rows`` are (is a summary row, cells as text); ``numeric`` per column."""

    name: str
    title: str
    file: str
    columns: list[str]
    numeric: list[bool]
    rows: list[tuple[bool, list[str]]]
    total: int
    remark: str


def in_reading_order(names: Iterable[str]) -> list[str]:
    """Return the names of tables in the order that they declare; by name where nobody declared them, last.

    >>> in_reading_order(["detection", "training"])
    ['training', 'detection']
    """
    present, known = set(names), list(entries("table"))
    return [name for name in (*known, *sorted(present - set(known))) if name in present]


def is_large(name: str) -> bool:
    """Say whether a table is material for figures and not for reading, as are the points beside a table."""
    known = entries("table")
    return bool(known[name].traits["large"]) if name in known else name in _beside()


def is_measured(name: str) -> bool:
    """Say whether a table has readings of the clock, and differs from run to run."""
    measured = [entry for entry in entries("table").values() if entry.traits["clock"]]
    return name in {
        *(entry.name for entry in measured),
        *(PurePath(file).stem for entry in measured for file in entry.traits["also"]),
    }


def _beside() -> set[str]:
    return {PurePath(file).stem for entry in entries("table").values() for file in entry.traits["also"]}


def shown_table(name: str, table: pd.DataFrame, file: str, asks: str = CLASS) -> ShownTable:
    """Prepare ``table`` for the page, its title in the words of what is asked of a sample."""
    known = entries("table")
    title = worded(known[name].title, asks) if name in known else name.replace("_", " ").capitalize()
    total, remark = len(table), ""
    if total > MOST_ROWS:
        table = table[table["seed"] == ALL] if "seed" in table.columns else table
        remark = f"Only the means over seeds are shown; the file holds {total:,} rows."
    if len(table) > MOST_ROWS:
        table = table.head(MOST_ROWS)
        remark = f"Only {MOST_ROWS:,} rows are shown; the file holds {total:,}."
    kept = [column for column in table.columns if not _empty(table[column])]
    # The run says nothing that variant and seed do not say.
    kept = [column for column in kept if column != "run" or not {"variant", "seed"} <= set(kept)]
    numeric = [pd.api.types.is_numeric_dtype(table[column]) for column in kept]
    summary = (table["seed"] == ALL).tolist() if "seed" in table.columns else [True] * len(table)
    columns = [[_text(value) for value in table[column]] for column in kept]
    rows = list(zip(summary, map(list, zip(*columns, strict=True)), strict=True))
    return ShownTable(name, title, file, kept, numeric, rows, total, remark)


def table_name(path: str | Path) -> str:
    return Path(path).stem


def _empty(column: pd.Series) -> bool:
    return bool(column.isna().all() or (column.astype(str) == "").all())


def _text(value: object) -> str:
    if isinstance(value, float):
        if value != value:
            return ""
        return f"{int(value)}" if value.is_integer() and abs(value) < 1e9 else f"{value:.4g}"
    return str(value)
