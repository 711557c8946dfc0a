"""``table``: rows of a CSV or Parquet file, without a line of code.

A column of numbers is one input, standardised by the training split; a column of texts is one input for each of its
values, 0 or 1. Which is which follows from the values, or from the options.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from hydra_steps.config.targets import CLASS, LABELS, NUMBERS
from hydra_steps.data.own import frames
from hydra_steps.data.own.labels import listed
from hydra_steps.data.own.targets import labels_of, numbers_of
from hydra_steps.data.samples import Samples
from hydra_steps.errors import StudyError, nearest
from hydra_steps.registry.decorators import dataset

MOST_VALUES = 50  # of a column of categories


@dataset("table", title="rows of a table", reads=["{file}", "{validation_file}", "{test_file}"])
def table(
    folder: Path,
    *,
    file: str = "",
    label: str = "label",
    labels: Sequence[str] = (),
    targets: Sequence[str] = (),
    validation_file: str = "",
    test_file: str = "",
    split: str = "",
    group: str = "",
    id: str = "",
    ignore: Sequence[str] = (),
    numbers: Sequence[str] = (),
    categories: Sequence[str] = (),
    missing: Literal["refuse", "mean", "drop"] = "refuse",
    separator: str = ",",
    encoding: str = "utf-8",
) -> Samples:
    """Your own rows, from CSV or Parquet.

    Options:
        file: The file, in `data.folder` or by its path. The end `.parquet` is Parquet, all else CSV.
        label: The column of the classes, texts or whole numbers.
        labels: Columns of 0 and 1, each a label that a row has or has not, in place of one class.
        targets: Columns of numbers that are predicted, in place of a class. They are brought to mean 0 and deviation 1
            over the rows that training is drawn from.
        validation_file: A file of its own for validation.
        test_file: A file of its own for the test.
        split: A column that says train, validation or test.
        group: A column; rows with the same value come into the same split.
        id: A column that names the rows. Without one they are counted.
        ignore: Columns that are no input.
        numbers: Columns that must be numbers. Others are, where all their values are.
        categories: Columns that are categories though they look like numbers.
        missing: What becomes of rows with empty cells. Of `mean`, a number becomes the training split's mean and a
            category one of its own.
        separator: What stands between the cells of a CSV.
        encoding: How the text of a CSV is written.
    """
    rows, files, names = frames.read_parts(
        folder, file, validation_file, test_file, separator=separator, encoding=encoding
    )
    if labels and targets:
        raise StudyError("data.labels and data.targets are both given", "one of them", "remove the other")
    asked = [*labels, *targets] or [label]
    roles = [*asked, *filter(None, (split, group, id)), *ignore]
    named_columns = {"ignore": ignore, "labels": labels, "targets": targets}
    _require_columns(rows, {**named_columns, "numbers": numbers, "categories": categories})
    own = [str(one) for one in rows.columns if one not in roles]
    if missing == "drop":
        rows, files, names = _whole(rows, files, names, own)
    named = frames.optional(rows, id, "data.id") or names
    parts = frames.parts_of(frames.optional(rows, split, "data.split"), files, named)
    read = [_inputs(rows, name, named, missing, numbers, categories) for name in own]
    columns = [name for of_column, _, _ in read for name in of_column]
    if not columns:
        raise StudyError(
            f"{file} has no column left as an input (columns: {listed(list(rows.columns))})", "at least one"
        )
    answers: np.ndarray | list[str]
    if targets:
        answers = numbers_of(_answers(rows, asked, named), named, parts, file)
    elif labels:
        answers = labels_of(_answers(rows, asked, named), named, file)
    else:
        answers = frames.column(rows, label, "data.label")
    return Samples(
        inputs=np.concatenate([values for _, values, _ in read], axis=1).astype(np.float32),
        labels=answers,
        names=named,
        parts=parts,
        groups=frames.optional(rows, group, "data.group"),
        kind="row",
        shown=_shown(rows, own),
        columns=columns,
        scaled=[number for of_column, _, number in read for _ in of_column],
        gaps=missing == "mean",
        asks=NUMBERS if targets else LABELS if labels else CLASS,
        outputs=[*labels, *targets],
    )


def _require_columns(rows: pd.DataFrame, options: Mapping[str, Sequence[str]]) -> None:
    """Raise :class:`StudyError` for the first column that an option names and the file has not."""
    for key, given in options.items():
        for one in given:
            if one not in rows.columns:
                raise StudyError(
                    f"data.{key}: there is no column {one!r}", "", nearest(one, list(rows.columns))
                )


def _whole(
    rows: pd.DataFrame, files: list[str] | None, names: list[str], columns: Sequence[str]
) -> tuple[pd.DataFrame, list[str] | None, list[str]]:
    """Return the rows that have a value in each of these columns, with the files and names of theirs."""
    kept = whole_rows(rows, columns)
    return (
        rows.iloc[kept],
        None if files is None else [files[at] for at in kept],
        [names[at] for at in kept],
    )


def whole_rows(rows: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Return the positions of the rows that have a value in each of these columns."""
    return np.flatnonzero(~rows[list(columns)].isin(frames.MISSING).any(axis=1))


def _inputs(
    rows: pd.DataFrame,
    name: str,
    named: Sequence[str],
    missing: str,
    numbers: Sequence[str],
    categories: Sequence[str],
) -> tuple[list[str], np.ndarray, bool]:
    """Return what a column gives: the names of its inputs, their values [n, inputs], and whether it is of numbers."""
    texts = [str(text) for text in rows[name]]
    values = None if name in categories else _numbers(name, texts, named, name in numbers)
    if missing == "refuse" or (missing == "mean" and values is None and name in numbers):
        _refuse_missing(name, texts, named)
    if values is not None:
        return [name], values[:, None], True
    levels = _levels(name, texts)
    present = np.array([[text == level for level in levels] for text in texts], np.float64)
    return [f"{name}={level or 'missing'}" for level in levels], present, False


def _answers(rows: pd.DataFrame, columns: Sequence[str], named: Sequence[str]) -> np.ndarray:
    """Return columns that must be numbers [n, k]."""
    found = []
    for name in columns:
        texts = [str(text) for text in rows[name]]
        _refuse_missing(name, texts, named)
        values = _numbers(name, texts, named, required=True)
        assert values is not None
        found.append(values)
    return np.stack(found, axis=1)


def _numbers(name: str, texts: Sequence[str], named: Sequence[str], required: bool) -> np.ndarray | None:
    """Return a column of numbers [n], NaN where one is missing; None for a column of categories.

    A column whose values are numbers but for a few is a mistake more often than it is a category.
    """
    values, right = frames.numbers(texts)
    wrong = np.flatnonzero(~right)
    if not len(wrong) and not np.isnan(values).all():
        return values
    if required or np.isfinite(values).sum() > len(texts) / 2:
        at = int(wrong[0]) if len(wrong) else 0
        raise StudyError(
            f"the column {name} holds numbers, and {texts[at]!r} at {named[at]} ({len(wrong):,} such rows)",
            "numbers",
            f"correct it, or add {name} to data.categories or data.ignore",
        )
    return None


def _levels(name: str, texts: Sequence[str]) -> list[str]:
    """Return the values of a column of categories, sorted, the missing one last."""
    found = {"" if text in frames.MISSING else text for text in texts}
    if len(found) > MOST_VALUES:
        raise StudyError(
            f"the column {name} has {len(found):,} different texts, such as {listed(sorted(found)[:3])}",
            f"numbers, or at most {MOST_VALUES} categories",
            f"add {name} to data.ignore, or let data.id, data.group or data.label name it",
        )
    return [*sorted(found - {""}), *([""] if "" in found else [])]


def _refuse_missing(name: str, texts: Sequence[str], named: Sequence[str]) -> None:
    empty = [at for at, text in enumerate(texts) if text in frames.MISSING]
    if empty:
        raise StudyError(
            f"the column {name} has no value ({texts[empty[0]]!r}) at {named[empty[0]]} ({len(empty):,} such rows)",
            "a value in each cell",
            "fill it in, or set data.missing to mean (the training split's) or drop (the row)",
        )


def _shown(rows: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Return each row as a line of text: ``age 31, city Bern``."""
    return [
        ", ".join(f"{name} {value}" for name, value in zip(columns, row, strict=True))
        for row in rows[list(columns)].itertuples(index=False, name=None)
    ]
