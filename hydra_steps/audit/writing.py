"""Rows of an audit's tables: the columns of their run, the names of samples, dictionaries in the order of columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hydra_steps.csv_files import write_rows

RUN = ("variant", "run", "seed")


def names_of(train: pd.DataFrame) -> list[str]:
    """Return the names of the samples in rows of ``splits.csv``, empty where they have none."""
    return train["name"].fillna("").astype(str).tolist() if "name" in train.columns else [""] * len(train)


def write_dicts(
    path: str | Path, columns: Sequence[str], about: Mapping[str, str], rows: Iterable[Mapping[str, Any]]
) -> None:
    """Write rows in their order, each with what is said ``about`` their run; a cell that is not given is empty."""
    write_rows(path, columns, ([{**about, **row}.get(name, "") for name in columns] for row in rows))
