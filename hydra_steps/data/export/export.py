"""Write data again with labels put right and samples left out: names stay, and nothing that was read is touched.

``images``: the folders by class, or the table with the pictures beside it; ``table`` and ``texts``: files with the
same names, columns and cells; ``arrays``: the same arrays; ``huggingface``: a folder of the library. A study's section
``data`` reads what was written when its ``folder`` is changed to it. Data that come with the package or are fetched,
and those of a plug-in, become ``<part>.npz`` and ``<part>.csv``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydra_steps.config.datasets import Dataset
from hydra_steps.config.targets import CLASS
from hydra_steps.data.export.arrays import export_arrays, export_saved
from hydra_steps.data.export.changes import Change, changed
from hydra_steps.data.export.pictures import export_pictures
from hydra_steps.data.export.rows import export_rows
from hydra_steps.data.group import members_of
from hydra_steps.data.raw import Part
from hydra_steps.data.tables import write_csv
from hydra_steps.errors import StudyError

Writer = Callable[[Path, Mapping[str, Any], Mapping[str, Part], Mapping[str, Change], Path], None]
WRITERS: dict[str, Writer] = {
    "images": export_pictures,
    "table": export_rows,
    "texts": export_rows,
    "arrays": export_arrays,
    "huggingface": export_saved,
}


def export_data(
    entry: Dataset, read: Mapping[str, Part], changes: Mapping[str, Change], output: str | Path
) -> None:
    """Write the dataset ``entry`` with ``changes`` of its parts into the folder ``output``, which is made.

    ``read``: its parts (:func:`hydra_steps.data.run_data.read_parts`). All samples that came are written, those too
    that a study leaves aside. Cost: a copy of the data. Raises :class:`StudyError` for other data than of classes, and
    where ``output`` is the folder that they are read from.
    """
    out = Path(output)
    if entry.asks != CLASS:
        raise StudyError(f"the samples of {entry.name} have no class each", "data of classes")
    if entry.source.resolve() in (out.resolve(), *out.resolve().parents) and entry.described:
        inside = out.resolve().relative_to(entry.source.resolve())
        if entry.name == "images" or not inside.parts:
            raise StudyError(
                f"{out} lies in the folder {entry.source} that the data are read from",
                "a folder elsewhere",
                "set results to one",
            )
    out.mkdir(parents=True, exist_ok=True)
    writer = WRITERS.get(entry.name)
    if writer is not None:
        writer(entry.source, entry.options, read, changes, out)
        return
    for part, content in read.items():
        _plain(entry, part, content, changes.get(part, Change()), out)


def _plain(entry: Dataset, part: str, content: Part, change: Change, out: Path) -> None:
    """Write one part as arrays, and as a table of its samples' names and labels."""
    after, kept = changed(content.targets, change)
    labels = np.array([entry.classes[label] for label in after[kept]])
    inputs: dict[str, Any] = {
        name or "inputs": member[kept] for name, member in members_of(content.inputs).items()
    }
    np.savez_compressed(out / f"{part}.npz", **inputs, labels=labels)
    columns: dict[str, Any] = {"source_index": np.flatnonzero(kept)}
    if content.names is not None:
        columns["name"] = [content.names[at] for at in np.flatnonzero(kept).tolist()]
    write_csv(pd.DataFrame(columns | {"label": labels}), out / f"{part}.csv")
