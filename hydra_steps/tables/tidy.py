"""Tidy tables: one row per measurement, the same leading and trailing columns everywhere, bytes that repeat.

``variant, run, seed, method, query, metric``, then the table's own keys, then
``n, value, ci_low, ci_high, sd_seeds``. Beside the rows of the runs stand summary rows over seeds
(``run`` = variant, ``seed`` = ``all``). A value that is not defined is an empty cell.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydra_steps.csv_files import SAMPLE_NAMES, read_csv
from hydra_steps.errors import StudyError
from hydra_steps.registry import find
from hydra_steps.tables.seed_intervals import summary_interval

LEADING = ("variant", "run", "seed", "method", "query", "metric")
TRAILING = ("n", "value", "ci_low", "ci_high", "sd_seeds")
MEASURED = ("value", "ci_low", "ci_high", "sd_seeds")

# One row per re-training and query, for scatter plots: not a table of measurements, hence columns of its own.
POINT_COLUMNS = (
    "variant",
    "run",
    "seed",
    "method",
    "query",
    "design",
    "group",
    "fraction",
    "n",
    "predicted",
    "real",
)
TEXT_COLUMNS = (
    *("variant", "run", "seed", "method", "query", "metric", "design", "side"),
    *("algorithm", "unit", "given", "truth", *SAMPLE_NAMES),
)


def make_table(name: str, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Gather rows of the runs into the registered table ``name``, with the summary over seeds appended.

    Missing cells are empty; a key that the table does not have is a programming error (``ValueError``).
    """
    columns = columns_of(name)
    rows = list(rows)
    unknown = {key for row in rows for key in row} - set(columns)
    if unknown:
        raise ValueError(f"table {name!r} has no columns {sorted(unknown)}")
    return summarise_over_seeds(_typed(pd.DataFrame(rows, columns=list(columns))))


def columns_of(name: str) -> tuple[str, ...]:
    """Return the columns of a registered table of measurements: its own keys are those that it is declared with."""
    return LEADING + tuple(find("table", name).traits["keys"]) + TRAILING


def summarise_over_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """Append one row per (variant, method, query, metric, keys) over the seeds of the runs.

    ``value`` is the mean over seeds, undefined where one seed's value is; ``sd_seeds`` the sample standard
    deviation (empty for one seed); ``ci_low`` and ``ci_high`` the 95 % interval of the mean where the runs have
    intervals of their own: Student's over the seeds from three on, before from the lowest to the highest end of the
    runs' (:func:`hydra_steps.tables.seed_intervals.summary_interval`); ``n`` the smallest of the runs' n. Summary rows
    already present are made anew.
    """
    table = table[table["seed"] != "all"]
    if table.empty:
        return table
    keys = [c for c in table.columns if c not in ("run", "seed", *TRAILING)]
    rows = []
    for values, part in table.groupby(keys, sort=True, dropna=False):
        several = len(part) > 1
        row = dict(zip(keys, values, strict=True)) | {"run": part["variant"].iloc[0], "seed": "all"}
        row["n"] = part["n"].min()
        row["value"] = part["value"].mean(skipna=False)
        measured = (part[name].to_numpy(np.float64) for name in ("value", "ci_low", "ci_high"))
        row["ci_low"], row["ci_high"] = summary_interval(str(row["metric"]), *measured)
        row["sd_seeds"] = part["value"].std(ddof=1, skipna=False) if several else math.nan
        rows.append(row)
    summary = _typed(pd.DataFrame(rows, columns=list(table.columns)))
    return pd.concat([table, summary], ignore_index=True)


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table as CSV: rows sorted by keys, floats as %.10g, line ends \\n, whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    table = _typed(table)
    keys = [c for c in table.columns if c not in (*MEASURED, "predicted", "real")]
    table = table.sort_values(keys, key=_sortable, kind="stable", na_position="first")
    numbers = table.select_dtypes("number").columns
    table = table.assign(**{c: table[c] + 0.0 for c in numbers})  # -0.0 + 0.0 = 0.0: one zero in print
    partial = path.with_name(path.name + ".partial")
    table.to_csv(partial, index=False, float_format="%.10g", lineterminator="\n", encoding="utf-8")
    os.replace(partial, path)


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table that :func:`write_table` wrote: names and seeds as text, everything else as float64."""
    path = Path(path)
    if not path.is_file():
        raise StudyError(f"there is no table at {path}", fix="run the study so that the table is made")
    return _typed(read_csv(path, dtype=dict.fromkeys(TEXT_COLUMNS, str)))


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Names as text with "" for none, everything else as float64."""
    typed = {
        c: table[c].astype(object).where(table[c].notna(), "").astype(str)
        if c in TEXT_COLUMNS
        else pd.to_numeric(table[c]).astype(np.float64)
        for c in table.columns
    }
    return pd.DataFrame(typed, columns=list(table.columns))


def _sortable(column: pd.Series) -> pd.Series:
    """Seeds in numeric order with the summary last; everything else as it is."""
    if column.name != "seed":
        return column
    return column.map(lambda seed: math.inf if seed == "all" else float(seed)).astype(np.float64)
