"""Pictures with corrected labels: copied into the folders of their classes, or beside the table that names them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.data.datasets.images import find_pictures
from hydra_steps.data.export.changes import Change, Records, records_of
from hydra_steps.data.export.rows import is_inside, written_names
from hydra_steps.data.own import frames
from hydra_steps.data.raw import Part


def export_pictures(
    folder: Path,
    options: Mapping[str, Any],
    read: Mapping[str, Part],
    changes: Mapping[str, Change],
    out: Path,
) -> None:
    """Copy the pictures of ``images`` that are kept, each into the folder of its class, and the table that names them.

    A picture of a new class keeps its name, unless that class has one of this name: then ``_from_<class>`` ends it.
    """
    where = {key: options[key] for key in ("file", "path", "label", "split", "group", "encoding")}
    paths, labels, parts, _ = find_pictures(folder, **where)
    records = records_of(parts, read, changes, len(paths))
    if options["file"]:
        _by_table(folder, options, records, out)
        return
    new = records.written(labels)
    inside = [path.relative_to(folder) for path in paths]
    depth = 0 if parts is None else 1  # of the class's folder
    stays = [kept and label == other for kept, label, other in zip(records.kept, labels, new, strict=True)]
    taken = {path for path, still in zip(inside, stays, strict=True) if still}
    for at in np.flatnonzero(records.kept):
        target = inside[at]
        if not stays[at]:
            moved = [*target.parts[:depth], new[at], *target.parts[depth + 1 :]]
            target = _free(Path(*moved), labels[at], taken)
            taken.add(target)
        _copy(paths[at], out / target)


def _by_table(folder: Path, options: Mapping[str, Any], records: Records, out: Path) -> None:
    """Copy the pictures that the table names by paths inside the folder; others are named where they are."""
    frame = frames.read_frame(folder / Path(options["file"]).expanduser(), encoding=options["encoding"])
    label, path = options["label"], options["path"]
    frame = frame.assign(**{label: records.written(frame[label].tolist())})[records.kept]
    written = []
    for name in frame[path].tolist():
        if is_inside(Path(name)):
            _copy(folder / name, out / name)
            written.append(name)
        else:
            written.append(str((folder / Path(name).expanduser()).resolve()))
    target = out / written_names([options["file"]])[0]
    target.parent.mkdir(parents=True, exist_ok=True)
    frame.assign(**{path: written}).to_csv(
        target, index=False, encoding=options["encoding"], lineterminator="\n"
    )


def _free(path: Path, before: str, taken: set[Path]) -> Path:
    """Return the path, or one beside it that no other picture has."""
    found, number = path, 1
    while found in taken:
        found = path.with_name(f"{path.stem}_from_{before}{'' if number == 1 else f'_{number}'}{path.suffix}")
        number += 1
    return found


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
