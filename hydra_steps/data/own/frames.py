"""A table file as columns of text: CSV with any separator and encoding, Parquet, JSON lines; and its parts.

Values stay the text that was written, so that a label ``01`` or ``NA`` is that label, and each column is read by its
role.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from hydra_steps.data.own.labels import counted, listed
from hydra_steps.data.own.store import PARTS
from hydra_steps.errors import StudyError, nearest

# Words for a missing value in columns that are read as numbers or as categories.
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "<NA>")
INSTALL = "pip install '.[tables]'"


def read_parts(
    folder: Path,
    file: str,
    validation_file: str = "",
    test_file: str = "",
    *,
    separator: str = ",",
    encoding: str = "utf-8",
    key: str = "data.file",
) -> tuple[pd.DataFrame, list[str] | None, list[str]]:
    """Return the rows of one file or several, the part of each row (None for one file), and a name for each.

    All columns are texts. The names count the rows of each file from 1: ``row 3``, ``test.csv row 3``. Raises
    :class:`StudyError` for a file that is not there or cannot be read, and for files with different columns.
    """
    given = {"train": file, "validation": validation_file, "test": test_file}
    if not file:
        raise StudyError(f"{key} is not given", "the name of a file in data.folder, or a path", f"add {key}")
    frames = {
        part: read_frame(folder / Path(name).expanduser(), separator, encoding)
        for part, name in given.items()
        if name
    }
    first = frames["train"]
    for part, frame in frames.items():
        if set(frame.columns) != set(first.columns):
            other = sorted(set(frame.columns) ^ set(first.columns))
            raise StudyError(
                f"{given[part]} and {file} differ in the columns {listed(other)}",
                "the same columns in all files",
            )
    names = [
        f"row {row}" if part == "train" else f"{Path(given[part]).name} row {row}"
        for part, frame in frames.items()
        for row in range(1, len(frame) + 1)
    ]
    parts = [part for part, frame in frames.items() for _ in range(len(frame))] if len(frames) > 1 else None
    return pd.concat([frame[first.columns] for frame in frames.values()], ignore_index=True), parts, names


def read_frame(path: Path, separator: str = ",", encoding: str = "utf-8") -> pd.DataFrame:
    """Return the rows of a file, all of its values as texts; the end of its name says what it is."""
    if not path.is_file():
        raise StudyError(f"there is no file {path}", "a CSV, JSON lines or Parquet file", "correct data.file")
    try:
        if path.suffix == ".parquet":
            if find_spec("pyarrow") is None:
                raise StudyError(
                    f"{path} is a Parquet file, and pyarrow is not installed", "", f"run {INSTALL}"
                )
            frame = _as_texts(pd.read_parquet(path))
        elif path.suffix in (".jsonl", ".ndjson"):
            frame = _json_lines(path, encoding)
        else:
            frame = pd.read_csv(path, dtype=str, keep_default_na=False, sep=separator, encoding=encoding)
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1 if error.start else 1
        raise StudyError(
            f"{path} is not {encoding}: byte 0x{error.object[error.start]:02x} in line {line} or after",
            f"text in {encoding}",
            "set data.encoding (latin-1, cp1252, utf-16, …), or save the file in UTF-8",
        ) from error
    except LookupError as error:
        raise StudyError(
            f"data.encoding: {error}", "the name of an encoding", "correct data.encoding"
        ) from error
    except (ValueError, OSError) as error:  # pandas' errors of parsing are ValueErrors
        raise StudyError(
            f"{path} cannot be read: {error}", "rows with the same columns", "mend the file"
        ) from error
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise StudyError(f"{path} has two columns {repeated[0]!r}", "each column once", "rename one of them")
    if not len(frame):
        raise StudyError(f"{path} has no rows", "one for each sample", "correct data.file")
    return frame


def column(frame: pd.DataFrame, name: str, key: str) -> list[str]:
    """Return a column's texts; :class:`StudyError`, with the option's ``key``, for one that is not there."""
    if name not in frame.columns:
        raise StudyError(
            f"{key}: there is no column {name!r}", "", nearest(name, list(map(str, frame.columns)))
        )
    return [str(value) for value in frame[name]]


def optional(frame: pd.DataFrame, name: str, key: str) -> list[str] | None:
    """Return a column's texts, or None where no column is named."""
    return column(frame, name, key) if name else None


def parts_of(split: list[str] | None, files: list[str] | None, names: Sequence[str]) -> list[str] | None:
    """Return the part of each sample, by the column of splits or by the file that it stands in."""
    if split is None or files is None:
        found = files if split is None else [_part(one) for one in split]
        unknown = sorted(set(found or []) - set(PARTS))
        if unknown:
            raise StudyError(
                f"data.split: {names[(found or []).index(unknown[0])]} is of the part {unknown[0]!r} "
                f"({counted(found or [])})",
                f"one of {', '.join(PARTS)}",
                "write one of these into the column",
            )
        return found
    raise StudyError(
        "data.split names a column, and data.test_file or data.validation_file another file",
        "one way of saying what is for the test",
        "remove one of them",
    )


def numbers(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the texts as numbers (NaN where one is missing), and whether each is a number or missing."""
    values = pd.to_numeric(
        pd.Series(texts, dtype=object).replace(dict.fromkeys(MISSING, "nan")), errors="coerce"
    )
    missing = np.array([text in MISSING for text in texts])
    found = values.to_numpy(np.float64)
    return found, missing | ~np.isnan(found)


def _json_lines(path: Path, encoding: str) -> pd.DataFrame:
    """Return the objects of a file with one a line; columns are the names of all of them."""
    rows = []
    for number, line in enumerate(lines_of(path, encoding), 1):
        try:
            rows.append(json.loads(line) if line.strip() else {})
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
        if not isinstance(rows[-1], dict):
            raise ValueError(f"line {number} is no object")
    return _as_texts(pd.DataFrame([row for row in rows if row], dtype=object))


def lines_of(path: Path, encoding: str) -> list[str]:
    """Return the lines of a file; other ends of lines than the usual ones may stand inside a text."""
    return path.read_text(encoding=encoding).split("\n")


def _part(text: str) -> str:
    """Published tables write the parts in more than one way."""
    return {
        "training": "train",
        "valid": "validation",
        "val": "validation",
        "dev": "validation",
        "testing": "test",
    }.get(text.strip().lower(), text.strip().lower())


def _as_texts(frame: pd.DataFrame) -> pd.DataFrame:
    def text(value: object) -> str:
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return "" if value is None or value is pd.NA or value is pd.NaT or value != value else str(value)

    return pd.DataFrame({str(name): [text(value) for value in frame[name]] for name in frame.columns})
