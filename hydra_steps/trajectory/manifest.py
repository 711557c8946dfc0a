"""What makes a trajectory store whole: digests of its blocks, array descriptions and attributes.

``manifest.json`` lies beside ``store.zarr`` and holds

    attributes   name -> SHA-256 of the attribute's canonical JSON
    members      array -> SHA-256 of its zarr.json (canonical), and one SHA-256 per block of its values
    digest       SHA-256 of all of the above: the name of the trajectory's content

A block's digest covers the values (little-endian, C order) of the rows that the array really has, so it
depends neither on the padding of the last block nor on how the bytes are kept. Nothing here carries a date, a
host name or a duration: two trainings with the same content have the same manifest, byte for byte.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.errors import StudyError
from hydra_steps.json_files import read_json_if_whole

SCHEMA_VERSION = 1
STORE, MANIFEST, TIMING = "store.zarr", "manifest.json", "timing.json"


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spaces: equal content gives equal text.

    >>> canonical_json({"b": 1, "a": [0.5]})
    '{"a":[0.5],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def plain(value: Any) -> Any:
    """Return a value as JSON gives it back: tuples become lists, keys become text."""
    return json.loads(json.dumps(value))


def digest_json(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def as_bytes(values: np.ndarray) -> memoryview:
    """Return the values' bytes, little-endian and in C order, without a copy where they already are."""
    little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    return little.reshape(-1).data.cast("B") if little.size else memoryview(b"")


def digest_values(values: np.ndarray) -> str:
    """Return the SHA-256 of an array's values; about 1.5 GB/s where the processor has SHA instructions."""
    return hashlib.sha256(as_bytes(values)).hexdigest()


def build_manifest(attributes: Mapping[str, Any], arrays: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the manifest of a store with these attributes and ``arrays[name] = {"metadata", "blocks"}``."""
    body: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "algorithm": "sha256",
        "attributes": {name: digest_json(value) for name, value in attributes.items()},
        "members": {name: dict(digests) for name, digests in arrays.items()},
    }
    return {**body, "digest": digest_json(body)}


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest in ``folder``; :class:`StudyError` if it is missing, damaged or another schema's."""
    path = folder / MANIFEST
    manifest = read_json_if_whole(path)
    if manifest is None:
        raise StudyError(
            f"{path} is missing or is not JSON", "the digests of a finished store", retrain(folder)
        )
    check_version(manifest.get("schema_version"), folder)
    body = {name: value for name, value in manifest.items() if name != "digest"}
    if manifest.get("digest") != digest_json(body):
        raise StudyError(f"{path} was changed after it was written", "its own digest", retrain(folder))
    return manifest


def check_attributes(attributes: Mapping[str, Any], manifest: Mapping[str, Any], folder: Path) -> None:
    """Raise :class:`StudyError` that names the attribute which is missing, new or different."""
    expected = manifest["attributes"]
    for name in sorted(set(expected) | set(attributes)):
        if name not in attributes:
            what = f"attribute {name!r} is missing"
        elif name not in expected:
            what = f"attribute {name!r} was added"
        elif digest_json(attributes[name]) != expected[name]:
            what = f"attribute {name!r} was changed"
        else:
            continue
        raise StudyError(
            f"{folder / STORE}: {what}", "the attributes as training wrote them", retrain(folder)
        )


def check_version(found: Any, folder: Path) -> None:
    if found != SCHEMA_VERSION:
        raise StudyError(
            f"{folder / STORE} has schema version {found}",
            f"version {SCHEMA_VERSION}, which this release writes and reads",
            f"{retrain(folder)}, or read it with the release that wrote it",
        )


def retrain(folder: Path) -> str:
    """Return the one remedy for a store that is not what training wrote."""
    return f"delete {folder} and train again"


def write_json(path: Path, value: Mapping[str, Any], indent: int | None = 1) -> None:
    """Write JSON so that ``path`` holds the old content or the new, never a part."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_text(json.dumps(value, indent=indent) + "\n", encoding="utf-8")
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def storage_error(error: OSError, path: Path, doing: str) -> StudyError:
    """Return what to tell the user about an operating-system error met while ``doing`` to ``path``."""
    fixes = {
        errno.ENOSPC: "free some space, or keep fewer states (trajectory.keep: sqrt or a budget)",
        errno.EDQUOT: "free some of your quota, or keep fewer states (trajectory.keep: sqrt or a budget)",
        errno.EFBIG: "raise the limit on file sizes (ulimit -f)",
        errno.EROFS: "choose a results folder that can be written",
        errno.EACCES: "choose a results folder that you may write to",
        errno.EPERM: "choose a results folder that you may write to",
    }
    fix = fixes.get(error.errno or 0, "look at the message of the operating system")
    return StudyError(f"{doing} {path} failed: {error.strerror or error}", fix=fix)
