"""Rows of CSV, JSON lines and Parquet files with corrected labels: the same columns, and other cells as they were."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.data.datasets.table import whole_rows
from hydra_steps.data.export.changes import Change, records_of
from hydra_steps.data.own import frames
from hydra_steps.data.raw import Part
from hydra_steps.errors import StudyError


@dataclass(frozen=True)
class Rows:
    """The rows of a file: the labels as they are written there [n], and what writes those that are kept [n] to a path,
    with other labels [n]."""

    labels: Sequence[Any]
    write: Callable[[Path, np.ndarray, Sequence[Any]], None]


def export_rows(
    folder: Path,
    options: Mapping[str, Any],
    read: Mapping[str, Part],
    changes: Mapping[str, Change],
    out: Path,
) -> None:
    """Write the files of a ``table`` or of ``texts``; rows that no sample was made of stay as they are."""
    given = [options[key] for key in ("file", "validation_file", "test_file")]
    separator, encoding = options["separator"], options["encoding"]
    rows, files, names = frames.read_parts(folder, *given, separator=separator, encoding=encoding)
    chosen = np.arange(len(rows))
    if options.get("missing") == "drop":
        roles = {options[key] for key in ("label", "split", "group", "id")} | set(options["ignore"])
        chosen = whole_rows(rows, [str(name) for name in rows.columns if name not in roles])
    parts = frames.parts_of(
        frames.optional(rows.iloc[chosen], options["split"], "data.split"),
        None if files is None else [files[at] for at in chosen],
        [names[at] for at in chosen],
    )
    records = records_of(parts, read, changes, len(chosen))
    kept = np.ones(len(rows), bool)
    kept[chosen] = records.kept
    opened = [
        open_rows(folder / Path(name).expanduser(), options["label"], separator, encoding)
        for name in given
        if name
    ]
    labels = [label for one in opened for label in one.labels]
    places = {int(row): at for at, row in enumerate(chosen)}  # row → its sample
    start = 0
    for one, name in zip(opened, written_names([name for name in given if name]), strict=True):
        end = start + len(one.labels)
        own_rows = slice(*np.searchsorted(chosen, [start, end]).tolist())
        new = dict(
            zip(
                chosen[own_rows].tolist(),
                records.written([labels[at] for at in chosen], own_rows),
                strict=True,
            )
        )
        values = [new[row] if row in places else labels[row] for row in range(start, end)]
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        one.write(target, kept[start:end], values)
        start = end


def written_names(names: Sequence[str]) -> list[Path]:
    """Return where files are written: where they were, or by their name alone where that is outside the folder.

    >>> [str(path) for path in written_names(["a/b.csv", "/home/c.csv"])]
    ['a/b.csv', 'c.csv']
    """
    found = [Path(name) for name in names]
    found = [path if is_inside(path) else Path(path.name) for path in found]
    if len(set(found)) < len(found):
        raise StudyError(
            f"two files of the data are called {found[-1].name}",
            "files with names of their own",
            "rename one",
        )
    return found


def is_inside(path: Path) -> bool:
    """Whether a path that is written relative to a folder stays in it."""
    return not path.is_absolute() and not {"..", "~"} & set(path.parts)


def open_rows(path: Path, column: str, separator: str, encoding: str) -> Rows:
    """Return the rows of a file and the labels in its ``column``; the end of its name says what it is."""
    if path.suffix == ".parquet":
        return _parquet(path, column)
    if path.suffix in (".jsonl", ".ndjson"):
        return _json_lines(path, column, encoding)
    frame = frames.read_frame(path, separator, encoding)

    def write(target: Path, kept: np.ndarray, labels: Sequence[Any]) -> None:
        changed = frame.assign(**{column: labels})[kept]
        changed.to_csv(target, index=False, sep=separator, encoding=encoding, lineterminator="\n")

    return Rows(frame[column].tolist(), write)


def _json_lines(path: Path, column: str, encoding: str) -> Rows:
    lines = [line for line in frames.lines_of(path, encoding) if line.strip() and json.loads(line)]
    labels = [json.loads(line)[column] for line in lines]

    def write(target: Path, kept: np.ndarray, new: Sequence[Any]) -> None:
        found = []
        for line, before, after, stays in zip(lines, labels, new, kept, strict=True):
            if stays:
                changed = json.dumps(json.loads(line) | {column: after}, ensure_ascii=False)
                found.append(line if before == after else changed)
        target.write_text("\n".join(found) + "\n", encoding=encoding, newline="\n")

    return Rows(labels, write)


def _parquet(path: Path, column: str) -> Rows:
    import pyarrow as arrow
    from pyarrow import parquet

    table = parquet.read_table(path)
    place, kind = table.column_names.index(column), table.schema.field(column)

    def write(target: Path, kept: np.ndarray, labels: Sequence[Any]) -> None:
        plain = kind.type.value_type if arrow.types.is_dictionary(kind.type) else kind.type
        values = arrow.array(labels, plain)
        values = values.dictionary_encode() if plain is not kind.type else values
        changed = table.set_column(place, kind.with_type(values.type), values)
        parquet.write_table(changed.take(np.flatnonzero(kept)), target)

    return Rows(table.column(column).to_pylist(), write)
