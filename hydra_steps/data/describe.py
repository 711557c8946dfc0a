"""Describe a user's own data: read them once, check them, and keep what a plan and its jobs need.

``python -m hydra_steps.data.describe`` is what a plan calls, with JSON on standard input: ``name``, ``folder`` and
``options`` of a study's section ``data``. It answers with nothing, or with the three parts of a :class:`StudyError`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.config.descriptions import prepared_folder, source_files, source_folder, stamp
from hydra_steps.config.targets import CLASS
from hydra_steps.contents import MANIFEST
from hydra_steps.data.own.labels import check_classes, encode
from hydra_steps.data.own.store import PARTS, members, remove_others, write_samples
from hydra_steps.data.samples import Samples
from hydra_steps.errors import StudyError
from hydra_steps.json_files import write_whole
from hydra_steps.registry import find, load
from hydra_steps.registry.catalogue import module_of
from hydra_steps.registry.options import options_of

CHUNK = 4096  # samples that are looked through at a time


def describe(name: str, folder: str | Path = "data", options: Mapping[str, Any] | None = None) -> Path:
    """Read the data ``name`` in ``folder``, and return the path of their manifest in ``data/prepared/``.

    The manifest has the files that were read with their digests, and under ``described`` the classes, the shape of a
    sample, and the number of samples of each part and class. Cost: one reading of the data; disk: a copy of them as
    arrays. Raises :class:`StudyError` for everything that is wrong with them.
    """
    entry = find("dataset", name, "data.name")
    chosen = options_of(entry, options or {}, "data")
    home, source = prepared_folder(name, folder, options), source_folder(folder)
    files = source_files(name, folder, options)
    samples: Samples = load("dataset", name)(source, **chosen)
    check_samples(samples, name, str(source))
    own, said = _members(samples, name), f"{name} in {source}"
    counts: dict[str, list[int]] = {}
    if samples.asks == CLASS:
        targets, classes = encode(samples.labels, samples.names, said, samples.classes)
        counts = {part: np.bincount(targets[at], minlength=len(classes)).tolist() for part, at in own.items()}
        check_classes(counts, classes, said)
    else:
        targets, classes = np.asarray(samples.labels), ()
    planned = stamp(name, files)
    store = planned[:12]
    told = {
        "kind": samples.kind,
        "asks": samples.asks,
        "classes": list(classes),
        "outputs": list(samples.outputs),
        "shape": list(samples.inputs.shape[1:]),
        "dtype": samples.inputs.dtype.name,
        "parts": {part: len(at) for part, at in own.items()},
        "counts": counts,
        "columns": list(samples.columns),
        "scaled": [] if samples.scaled is None else [bool(one) for one in samples.scaled],
        "groups": _group_counts(samples, targets if samples.asks == CLASS else None, own),
        "white": float(samples.white),
        "store": store,
    }
    rows = [
        {"file": file, "sha256": sha256, "bytes": (source / file).stat().st_size, "source": "local folder"}
        for file, sha256 in files.items()
    ]
    about = {"name": name, "title": entry.title, "reference": entry.traits["reference"]}
    manifest = {
        **about,
        "read_by": module_of("dataset", name),
        "files": rows,
        "planned": planned,
        "described": told,
    }
    try:
        write_samples(home, store, samples, targets, own)
        write_whole(
            home / MANIFEST, json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        )
        remove_others(home, store)
    except OSError as error:
        raise StudyError(
            f"{home} cannot be written: {error}",
            "a folder with write permission and enough free space, where the study is run",
            "run the study from another folder",
        ) from error
    return home / MANIFEST


def check_samples(samples: Samples, name: str, where: str) -> None:
    """Raise :class:`StudyError` for samples that are none: of no size, of a wrong type, or with a value that is no
    number."""
    inputs, said = samples.inputs, f"{name} in {where}"
    wrong = {
        key: len(values)
        for key in ("labels", "names", "parts", "groups", "shown")
        if (values := getattr(samples, key)) is not None and len(values) != len(inputs)
    }
    if wrong:
        key, count = next(iter(wrong.items()))
        raise StudyError(f"{said} has {len(inputs):,} samples and {count:,} {key}", "one for each sample")
    if not inputs.size:
        raise StudyError(f"{said} has {len(inputs)} samples of the shape {list(inputs.shape[1:])}", "samples")
    if inputs.dtype not in (np.uint8, np.uint16, np.float32, np.int64):
        raise StudyError(f"{said} has inputs of the type {inputs.dtype}", "uint8, uint16, float32 or int64")
    if inputs.dtype == np.float32:
        allowed = np.isnan if samples.gaps else np.zeros_like
        for start in range(0, len(inputs), CHUNK):
            part = inputs[start : start + CHUNK]
            bad = ~(np.isfinite(part) | allowed(part).astype(bool))
            if bad.any():
                at = np.argwhere(bad)[0]
                value = part[tuple(at)]
                raise StudyError(
                    f"{said}: {samples.names[start + int(at[0])]} has the value {value} at {at[1:].tolist()}",
                    "finite numbers",
                    "correct the value, or remove the sample",
                )


def _members(samples: Samples, name: str) -> dict[str, np.ndarray]:
    """Return the positions of each part's samples."""
    if samples.parts is None:
        return members(None, len(samples))
    parts = np.asarray(samples.parts)
    unknown = sorted(set(parts.tolist()) - set(PARTS))
    if unknown:
        at = int(np.flatnonzero(parts == unknown[0])[0])
        raise StudyError(
            f"{name}: {samples.names[at]} is of the part {unknown[0]!r}",
            f"one of {', '.join(PARTS)}",
            "write one of these, or leave the splits to be drawn",
        )
    found = members(samples.parts, len(samples))
    if "train" not in found:
        raise StudyError(f"{name} has no sample of the part train", "samples to train on", "name some so")
    if samples.groups is not None:
        _check_groups(samples, parts, name)
    return found


def _check_groups(samples: Samples, parts: np.ndarray, name: str) -> None:
    assert samples.groups is not None
    seen: dict[str, str] = {}
    for group, part in zip(samples.groups, parts.tolist(), strict=True):
        if seen.setdefault(group, part) != part:
            raise StudyError(
                f"{name}: the group {group!r} has samples in {seen[group]} and in {part}",
                "each group in one part",
                "move the samples of the group into one part",
            )


def _group_counts(
    samples: Samples, targets: np.ndarray | None, positions_of: Mapping[str, np.ndarray]
) -> dict[str, list[list[int]]]:
    """Return for each part the samples of each class in its groups [g, c]; [g, 1] without classes."""
    if samples.groups is None:
        return {}
    groups = np.asarray(samples.groups)
    of_class = np.zeros(len(groups), np.int64) if targets is None else targets
    counts = {}
    for part, at in positions_of.items():
        names, place = np.unique(groups[at], return_inverse=True)
        table = np.zeros((len(names), int(of_class.max(initial=0)) + 1), np.int64)
        np.add.at(table, (place, of_class[at]), 1)
        counts[part] = table.tolist()
    return counts


def main() -> None:
    argparse.ArgumentParser(
        prog="python -m hydra_steps.data.describe",
        description=__doc__,
        epilog="Reads one JSON object from standard input: name, folder and options of a dataset.",
    ).parse_args()
    asked = json.load(sys.stdin)
    answers, sys.stdout = sys.stdout, sys.stderr  # what a plug-in prints is no answer
    print(
        f"reading {asked['name']} in {asked['folder']} for the first time, or as it changed", file=sys.stderr
    )
    try:
        describe(asked["name"], asked["folder"], asked["options"])
    except StudyError as error:
        json.dump([error.found, error.expected, error.fix], answers)
        sys.exit(1)


if __name__ == "__main__":
    main()
