"""The two CSV files of a run's data, ``splits.csv`` and ``labels.csv``: written one way, checked when read.

``splits.csv``: ``split`` (train, validation, test), ``index`` (position in the split), ``source`` (part of the
dataset), ``source_index`` (position in the part), and of described data the sample's ``name``. ``labels.csv``,
training split only: ``index``, ``label``, ``clean_label``, ``is_noisy`` (0 or 1: whether the two differ); the last
two are empty in all rows where the clean labels are not known. Of
targets that are no class other columns stand for the label (:mod:`hydra_steps.data.target_columns`).
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np
import pandas as pd

from hydra_steps.config.datasets import Dataset
from hydra_steps.config.targets import CLASS, LABELS
from hydra_steps.csv_files import read_csv
from hydra_steps.data.target_columns import column_names, differ, from_columns
from hydra_steps.errors import StudyError

SPLITS = ("train", "validation", "test")
SPLIT_COLUMNS = ("split", "index", "source", "source_index")
NAME_COLUMN = "name"  # of described data, by which a sample is called


def label_columns(asks: str, outputs: int) -> tuple[str, ...]:
    """Return the columns of ``labels.csv``: index, targets, clean targets, is_noisy."""
    own = column_names(asks, outputs)
    return ("index", *own, *(f"clean_{name}" for name in own), "is_noisy")


def write_csv(table: pd.DataFrame, path: str | Path) -> None:
    """Write ``table`` atomically as CSV with a header, no row names and ``\\n`` line ends."""
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(part, index=False, lineterminator="\n")
        os.replace(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise StudyError(
            f"{path} cannot be written: {error}",
            "a folder with write permission",
            "choose another results folder",
        ) from error


def read_splits(path: str | Path, entry: Dataset) -> pd.DataFrame:
    """Return ``splits.csv`` after checking it against the dataset; each split has one source and no sample
    twice."""
    remedy = "run split_data again"
    table = _read(path, SPLIT_COLUMNS, ("index", "source_index"), remedy)
    unknown = sorted(set(table["split"].astype(str)) - set(SPLITS))
    if unknown:
        raise StudyError(f"{path} has a split called {unknown[0]!r}", f"one of {', '.join(SPLITS)}", remedy)
    unknown = sorted(set(table["source"].astype(str)) - set(entry.parts))
    if unknown:
        raise StudyError(
            f"{path} has a source called {unknown[0]!r}",
            f"a part of {entry.name}: {', '.join(entry.parts)}",
            remedy,
        )
    for split, rows in table.groupby("split"):
        if rows["source"].nunique() > 1:
            raise StudyError(
                f"{path} takes its {split} split from several parts", "one part per split", remedy
            )
        _check_index(path, rows["index"].to_numpy(), f"split {split}", remedy)
    for part, rows in table.groupby("source"):
        positions = rows["source_index"].to_numpy()
        if positions.min() < 0 or positions.max() >= entry.parts[str(part)]:
            raise StudyError(
                f"{path} has source_index {positions.min()} to {positions.max()} in the {part} part",
                f"0 to {entry.parts[str(part)] - 1}",
                f"{remedy} for the dataset {entry.name}",
            )
        if len(np.unique(positions)) != len(positions):
            raise StudyError(
                f"{path} has a sample of the {part} part twice", "each sample at most once", remedy
            )
    return table


def read_names(path: str | Path, split: str) -> list[str] | None:
    r"""Return the samples' names of a split in ``splits.csv``; None where samples have none."""
    table = read_csv(path, {NAME_COLUMN: "object"})
    return (
        [str(name) for name in table.loc[table["split"] == split, NAME_COLUMN]]
        if NAME_COLUMN in table
        else None
    )


def read_labels(path: str | Path, entry: Dataset) -> pd.DataFrame:
    """Return ``labels.csv`` after checking it against the dataset, and that ``is_noisy`` is right; the clean targets'
    columns and ``is_noisy`` are empty, as not-a-number, where these are not known."""
    remedy = "run noise_labels again"
    asks, outputs = entry.asks, len(entry.outputs)
    columns = label_columns(asks, outputs)
    own, clean = column_names(asks, outputs), [name for name in columns if name.startswith("clean_")]
    whole = asks in (CLASS, LABELS)
    table = _read(path, columns, ("index", *own) if whole else ("index",), remedy)
    known = not (len(table) and table[[*clean, "is_noisy"]].isna().all(axis=None))
    if known:
        table = _whole_numbers(path, table, (*clean, "is_noisy") if whole else ("is_noisy",), remedy)
    _check_index(path, table["index"].to_numpy(), "the table", remedy)
    most = outputs - 1 if asks == CLASS else 1
    for column in [*own, *(clean if known else [])] if whole else []:
        bad = table.loc[~table[column].between(0, most), column]
        if len(bad):
            raise StudyError(f"{path} has the {column} {bad.iloc[0]}", f"0 to {most}", remedy)
    if known:
        targets, before = (from_columns(table, asks, outputs, prefix) for prefix in ("", "clean_"))
        if (differ(targets, before).astype(int) != table["is_noisy"]).any():
            raise StudyError(
                f"{path} has an is_noisy that contradicts its labels", "1 where they differ, else 0", remedy
            )
    return table


def _read(path: str | Path, columns: tuple[str, ...], numbers: tuple[str, ...], remedy: str) -> pd.DataFrame:
    try:
        table = read_csv(path, {NAME_COLUMN: "object"})
    except FileNotFoundError:
        raise StudyError(f"{path} is missing", "a CSV file", remedy) from None
    except (OSError, ValueError) as error:  # pandas' parser and decoding errors are ValueErrors
        raise StudyError(f"{path} cannot be read: {error}", "a CSV file", remedy) from error
    if tuple(name for name in table.columns if name != NAME_COLUMN) != columns:
        raise StudyError(f"{path} has the columns {', '.join(table.columns)}", ", ".join(columns), remedy)
    return _whole_numbers(path, table, numbers, remedy)


def _whole_numbers(
    path: str | Path, table: pd.DataFrame, numbers: tuple[str, ...], remedy: str
) -> pd.DataFrame:
    for column in numbers:
        if len(table) and not pd.api.types.is_integer_dtype(table[column]):
            raise StudyError(
                f"{path} has a value in column {column} that is no whole number", "whole numbers", remedy
            )
    return table.astype(dict.fromkeys(numbers, np.int64))


def _check_index(path: str | Path, index: np.ndarray, where: str, remedy: str) -> None:
    if not np.array_equal(index, np.arange(len(index))):
        raise StudyError(
            f"{path}: the column index of {where} is out of order", f"0 to {len(index) - 1} in order", remedy
        )
