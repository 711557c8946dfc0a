"""The data as decided, in the form in which they came, with every sample that the study left aside.

``manifest.json`` beside them says what was changed, and has the digest of every file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.audit.decisions import data_version, read_decisions
from hydra_steps.config.datasets import dataset
from hydra_steps.contents import MANIFEST
from hydra_steps.data.export.changes import Change
from hydra_steps.data.export.export import export_data
from hydra_steps.data.run_data import read_parts
from hydra_steps.data.tables import SPLITS, read_labels, read_splits
from hydra_steps.json_files import write_whole


def write_cleaned(
    *,
    splits: str | Path,
    labels: str | Path,
    decisions: Sequence[str | Path],
    name: str,
    folder: str | Path,
    options: Mapping[str, Any] | None = None,
    output: str | Path,
) -> None:
    """Write the dataset ``name`` (:func:`hydra_steps.data.export.export.export_data`) into the folder ``output`` with
    what was decided about the splits and labels of a run.

    Raises :class:`StudyError`, before anything is written, for decisions that are not about these data.
    """
    entry = dataset(name, folder, options)
    rows, read = read_splits(splits, entry), read_parts(name, folder, options)
    places = {split: rows[rows["split"] == split] for split in SPLITS}
    given = {
        split: [
            int(read[part].targets[at]) for part, at in zip(own["source"], own["source_index"], strict=True)
        ]
        for split, own in places.items()
    }
    given["train"] = read_labels(labels, entry)["label"].tolist()
    version = data_version(splits, labels)
    decided = read_decisions(decisions, version, given, entry.classes)
    label: dict[str, dict[int, int]] = {part: {} for part in read}
    removed: dict[str, set[int]] = {part: set() for part in read}
    for split, own in places.items():
        part, at = own["source"].tolist(), own["source_index"].to_numpy(np.int64).tolist()
        for sample, new in decided[split].relabel.items():
            label[part[sample]][at[sample]] = new
        for sample in decided[split].removed:
            removed[part[sample]].add(at[sample])
    changes = {part: Change(label[part], frozenset(removed[part])) for part in read}
    export_data(entry, read, changes, output)
    told = {
        "data_version": version,
        "relabelled": sum(len(one.relabel) for one in decided.values()),
        "left_out": sum(len(one.removed) for one in decided.values()),
        "files": _digests(Path(output)),
    }
    write_whole(Path(output) / MANIFEST, json.dumps(told, indent=2, ensure_ascii=False) + "\n")


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as stream:
            found[path.relative_to(folder).as_posix()] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found
