"""Decisions about suspects, ``decisions.csv``: what people who looked at samples say of their labels.

One row a decision: ``split`` (train, or a held-out one: validation, test), ``sample`` (position in it), ``given`` (the
label that was looked at), ``decision``, ``label`` (the right one, for ``relabel``), ``who``, ``data`` (the version of
splits and labels that was looked at).

    right     the label is right
    relabel   the label is wrong, and ``label`` is right
    remove    the label is wrong, and none fits
    skip      not decided

Several people's files are read together. Where they disagree, nothing is done to the sample, and it is named.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from hydra_steps.csv_files import read_csv
from hydra_steps.data.tables import SPLITS
from hydra_steps.errors import StudyError, nearest
from hydra_steps.json_files import write_whole

COLUMNS = ("split", "sample", "given", "decision", "label", "who", "data")
DECISIONS = ("right", "relabel", "remove", "skip")


@dataclass(frozen=True)
class Decided:
    """What was decided of one split. ``relabel``: sample → its right label; ``removed``, ``right`` and ``disputed``:
    samples. Sorted by sample."""

    relabel: dict[int, int] = field(default_factory=dict)
    removed: tuple[int, ...] = ()
    right: tuple[int, ...] = ()
    disputed: tuple[int, ...] = ()

    @property
    def wrong(self) -> tuple[int, ...]:
        """All samples whose label was found wrong."""
        return tuple(sorted((*self.relabel, *self.removed)))


def data_version(splits: str | Path, labels: str | Path) -> str:
    """Return what tells versions of a run's data apart: 16 digits of the SHA-256 of its two tables."""
    digest = hashlib.sha256()
    for path in (splits, labels):
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()[:16]


def read_decisions(
    paths: Sequence[str | Path], version: str, given: Mapping[str, Sequence[int]], classes: Sequence[str]
) -> dict[str, Decided]:
    """Read one or several files and check them against the data: their ``version``, the labels ``given`` in each split
    and the ``classes``. Return what was decided of each split.

    Raises :class:`StudyError` for the first thing that is wrong, with its file and line; nothing is written.
    """
    said: dict[str, dict[int, set[tuple[str, int]]]] = {split: {} for split in SPLITS}
    for path in paths:
        seen: dict[tuple[str, int, str], int] = {}
        for line, row in enumerate(_rows(path), 2):
            sample, what = _checked(f"{path}, line {line}", row, version, given, classes)
            split, who = row["split"], row["who"]
            if (first := seen.setdefault((split, sample, who), line)) != line:
                raise StudyError(
                    f"{path}, line {line}: {who or 'the same person'} decides about {split} sample {sample} again, "
                    f"after line {first}",
                    "one decision of each person about a sample",
                    "keep one of the two",
                )
            if what[0] != "skip":
                said[split].setdefault(sample, set()).add(what)
    return {split: _decided(found) for split, found in said.items()}


def check_decisions(
    *,
    splits: str | Path,
    labels: str | Path,
    predictions: str | Path,
    decisions: Sequence[str | Path],
    classes: Sequence[str],
    output: str | Path,
) -> None:
    """Check files of decisions before anything is made of them, and write how many there are of each kind, and which
    samples people disagree about, as JSON. ``predictions``: the run's table, which has the labels of all splits."""
    answers = read_csv(predictions)
    given = {split: answers.loc[answers["split"] == split, "label"].tolist() for split in SPLITS}
    decided = read_decisions(decisions, data_version(splits, labels), given, classes)
    told = {
        split: {"relabelled": len(one.relabel), "removed": len(one.removed), "right": len(one.right)}
        | {"disputed": list(one.disputed)}
        for split, one in decided.items()
    }
    write_whole(Path(output), json.dumps(told, indent=2) + "\n")


def _decided(said: Mapping[int, set[tuple[str, int]]]) -> Decided:
    agreed = {sample: next(iter(what)) for sample, what in sorted(said.items()) if len(what) == 1}
    return Decided(
        {sample: label for sample, (what, label) in agreed.items() if what == "relabel"},
        tuple(sample for sample, (what, _) in agreed.items() if what == "remove"),
        tuple(sample for sample, (what, _) in agreed.items() if what == "right"),
        tuple(sample for sample, what in sorted(said.items()) if len(what) > 1),
    )


def _rows(path: str | Path) -> list[dict[str, str]]:
    expected = f"a CSV file with the columns {', '.join(COLUMNS)}"
    try:
        table = read_csv(path, dtype=str)
    except (OSError, ValueError, pd.errors.ParserError) as error:
        fix = "export the decisions from the explorer, and name that file"
        raise StudyError(f"the decisions {path} cannot be read: {error}", expected, fix) from error
    if missing := [name for name in COLUMNS if name not in table.columns]:
        raise StudyError(f"the decisions {path} have no column {', '.join(missing)}", expected, "add it")
    cells = table[list(COLUMNS)].fillna("").astype(str)
    return [dict(zip(COLUMNS, row, strict=True)) for row in cells.itertuples(index=False, name=None)]


def _checked(
    where: str,
    row: Mapping[str, str],
    version: str,
    given: Mapping[str, Sequence[int]],
    classes: Sequence[str],
) -> tuple[int, tuple[str, int]]:
    """Return the sample and what is said of it: the decision, and the right label where it is one (else −1)."""
    if row["data"] != version:
        raise StudyError(
            f"{where}: decided about version {row['data'] or '(none)'} of the data",
            f"version {version}, that of the study's splits and labels",
            "decide about the data as they are now, in the explorer of this study",
        )
    split = row["split"]
    if split not in SPLITS:
        raise StudyError(f"{where}: the split {split!r} is unknown", "", nearest(split, SPLITS))
    labels, kind = given[split], "training" if split == "train" else split
    if not row["sample"].isdecimal() or int(row["sample"]) >= len(labels):
        raise StudyError(
            f"{where}: there is no {kind} sample {row['sample']!r}",
            f"0 to {len(labels) - 1}",
            "correct or remove the line",
        )
    sample = int(row["sample"])
    if row["given"] != classes[labels[sample]]:
        raise StudyError(
            f"{where}: the label of {kind} sample {sample} is said to be {row['given']!r}",
            f"{classes[labels[sample]]!r}",
            "decide about the data as they are now",
        )
    if row["decision"] not in DECISIONS:
        raise StudyError(
            f"{where}: the decision {row['decision']!r} is unknown", "", nearest(row["decision"], DECISIONS)
        )
    if row["decision"] != "relabel":
        return sample, (row["decision"], -1)
    if row["label"] not in classes:
        raise StudyError(
            f"{where}: the label {row['label']!r} is unknown", "a class", nearest(row["label"], list(classes))
        )
    label = list(classes).index(row["label"])
    if label == labels[sample]:
        raise StudyError(
            f"{where}: {kind} sample {sample} is relabelled to the label that it has, {row['label']!r}",
            "another label, or the decision right",
            "change the decision to right",
        )
    return sample, ("relabel", label)
