"""Arrays with corrected labels: NumPy's files, and folders that the `datasets` library saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.data.export.changes import Change, Records, records_of
from hydra_steps.data.export.rows import written_names
from hydra_steps.data.own.frames import parts_of
from hydra_steps.data.raw import Part

Arrays = dict[str, np.ndarray]


def export_arrays(
    folder: Path,
    options: Mapping[str, Any],
    read: Mapping[str, Part],
    changes: Mapping[str, Change],
    out: Path,
) -> None:
    """Write the ``.npz`` or ``.npy`` files of ``arrays``. Of other arrays in them, those that have a row for each
    sample lose the rows of samples that are left out."""
    named = [options["file"], *filter(None, [options["test_file"]])]
    labelled = [options["labels"], options["test_labels"] or options["labels"]][: len(named)]
    more = [options[key] for key in ("names", "groups", "split") if options[key].endswith(".npy")]
    own_labels = [name for name in labelled if name.endswith(".npy")]
    files = {name: _load(folder, name) for name in dict.fromkeys([*named, *own_labels, *more])}
    columns = [
        files[label][""] if label.endswith(".npy") else files[file][label]
        for file, label in zip(named, labelled, strict=True)
    ]
    given = [value for column in columns for value in column.tolist()]
    sizes = [len(column) for column in columns]
    parts = _parts(files, named[0], options["split"], sizes)
    records = records_of(parts, read, changes, len(given))
    bounds = np.cumsum([0, *sizes])
    for number, (file, label) in enumerate(zip(named, labelled, strict=True)):
        own = slice(int(bounds[number]), int(bounds[number + 1]))
        new = np.array(records.written(given, own), np.result_type(*columns))
        where, key = (label, "") if label.endswith(".npy") else (file, label)
        files[where][key] = new.astype(columns[number].dtype) if new.dtype.kind != "U" else new
    for (name, arrays), target in zip(files.items(), written_names(list(files)), strict=True):
        here = [
            slice(int(bounds[i]), int(bounds[i + 1]))
            for i in range(len(named))
            if name in (named[i], labelled[i])
        ]
        _save(out / target, arrays, records, here)


def export_saved(
    folder: Path,
    options: Mapping[str, Any],
    read: Mapping[str, Part],
    changes: Mapping[str, Change],
    out: Path,
) -> None:
    """Write a folder of the library `datasets`, with the features that it had."""
    from datasets import Dataset, DatasetDict, load_from_disk

    from hydra_steps.data.datasets.huggingface import saved_parts

    parts = saved_parts(folder)
    label = options["label"]
    kinds = [part for part, rows in parts.items() for _ in range(len(rows))]
    records = records_of(kinds if len(parts) > 1 else None, read, changes, len(kinds))
    given = [value for rows in parts.values() for value in rows[label]]
    made, start = {}, 0
    for part, rows in parts.items():
        own = slice(start, start + len(rows))
        new, kept = records.written(given, own), np.flatnonzero(records.kept[own])
        made[part] = rows.map(
            lambda _, at, new=new: {label: new[at]},
            with_indices=True,
            features=rows.features,
            keep_in_memory=True,
            new_fingerprint=f"cleaned-{part}",
        ).select(kept, keep_in_memory=True, new_fingerprint=f"cleaned-{part}-kept")
        start += len(rows)
    whole = made["train"] if isinstance(load_from_disk(str(folder)), Dataset) else DatasetDict(made)
    whole.save_to_disk(str(out))


def _parts(files: Mapping[str, Arrays], first: str, split: str, sizes: Sequence[int]) -> list[str] | None:
    """Return the part of each sample, by the array of splits or by the file that it stands in."""
    told = files[split][""] if split.endswith(".npy") else files[first][split] if split else None
    by_file = [part for part, size in zip(("train", "test"), sizes, strict=False) for _ in range(size)]
    return parts_of(
        None if told is None else [str(value) for value in told],
        by_file if len(sizes) > 1 else None,
        [str(number) for number in range(sum(sizes))],
    )


def _load(folder: Path, name: str) -> Arrays:
    path = folder / Path(name).expanduser()
    if path.suffix == ".npy":
        return {"": np.load(path, allow_pickle=False)}
    with np.load(path, allow_pickle=False) as content:
        return {key: content[key] for key in content.files}


def _save(path: Path, arrays: Arrays, records: Records, own: Sequence[slice]) -> None:
    """Write the rows that are kept; ``own``: the samples of the file, none for one with rows of all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = records.kept[own[0]] if own else records.kept
    by_length = {len(records.kept): records.kept, len(kept): kept}
    found: dict[str, Any] = {
        key: array[by_length[len(array)]] if array.ndim and len(array) in by_length else array
        for key, array in arrays.items()
    }
    if path.suffix == ".npy":
        np.save(path, found[""])
    else:
        np.savez_compressed(path, **found)
