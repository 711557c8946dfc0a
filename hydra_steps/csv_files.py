"""The CSV files of a study, rows written and tables read back: only an empty cell is a missing value.

pandas takes ``NA``, ``nan``, ``null``, ``None`` and a dozen other texts for missing values; a study may give such a
name to a method, a variant or a class. A number that is not defined is written as an empty cell.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

# Columns of names: a name stays text although it may look like a number.
SAMPLE_NAMES = ("name", "training_name", "test_name", "label_name")  # what a user calls samples and classes
_NAMES = ("variant", "run", "method", "against", "query", "metric", "design", *SAMPLE_NAMES)


def read_csv(
    path: str | Path,
    dtype: Mapping[str, Any] | type[str] | None = None,
    sep: str = ",",
    usecols: list[str] | None = None,
    missing: Sequence[str] = ("",),
) -> pd.DataFrame:
    """Read a CSV file with the columns of names as text and the cells in ``missing``, no others, as NaN.

    ``dtype``: the types of further columns, or ``str`` for text everywhere; the others are numbers where all their
    cells are. Raises what ``pandas.read_csv`` raises: OSError for a file that cannot be read, ValueError for one that
    is no such table.
    """
    kinds = dtype if isinstance(dtype, type) else dict.fromkeys(_NAMES, "object") | dict(dtype or {})
    return pd.read_csv(
        path, dtype=kinds, sep=sep, usecols=usecols, keep_default_na=False, na_values=list(missing)
    )


def write_rows(path: str | Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows of plain values: floats with ten digits, NaN as an empty cell, line ends \\n."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(value) for value in row] for row in rows)


def _cell(value: Any) -> Any:
    if not isinstance(value, float | np.floating):
        return value
    return "" if math.isnan(value) else f"{value:.10g}"
