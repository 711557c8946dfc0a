"""Writing a table of any columns as CSV: line ends \\n, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd


def write_csv(table: pd.DataFrame, path: str | Path, digits: int = 10) -> None:
    """Write ``table`` in its order of rows and columns, floats with so many ``digits``.

    A call that is interrupted leaves what was there before.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    table.to_csv(partial, index=False, float_format=f"%.{digits}g", lineterminator="\n", encoding="utf-8")
    os.replace(partial, path)
