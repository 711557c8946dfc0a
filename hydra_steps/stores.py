"""What every Zarr store of a study has in common: a digest of its content, and ``complete`` last.

A Zarr array that was never written reads as zeros without an error, so a reader must know that the writer
finished and that the bytes are the ones that were written. Imports no torch.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from hydra_steps.errors import StudyError
from hydra_steps.json_files import SEAL, TEXT, check_seal, read_json, sealed

BLOCK_BYTES = 4 * 2**20


def write_store(
    path: str | Path,
    arrays: Mapping[str, np.ndarray],
    dimensions: Mapping[str, tuple[str, ...]],
    attributes: Mapping[str, Any],
    measured: tuple[str, ...] = (),
    extras: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write ``store.zarr`` with ``arrays`` and ``manifest.json`` into the folder ``path``; ``complete`` comes last.

    ``dimensions`` names each array's axes. The digest of the arrays, in the order of ``dimensions``, joins the
    ``attributes``. The manifest holds the attributes but those in ``measured`` (clocks and the like), so that equal
    computations leave equal manifests. Store and manifest each carry the digest of all their attributes. ``extras``
    are arrays that most readers do not want, each with a digest of its own (:func:`read_extra`).
    """
    folder, extras = Path(path), extras or {}
    folder.mkdir(parents=True, exist_ok=True)
    described = plain(attributes) | {"digest": digest_of(*(arrays[name] for name in dimensions))}
    described["arrays"] = list(dimensions)
    if extras:
        described["extras"] = {name: digest_of(array) for name, array in extras.items()}
    described.pop("complete", None)
    group = zarr.create_group(store=str(folder / "store.zarr"), zarr_format=3, overwrite=True)
    for name, axes in dimensions.items():
        _write_array(group, name, arrays[name], axes)
    for name, array in extras.items():
        _write_array(group, name, array, None)
    group.attrs.update(sealed(described))
    write_json(folder / "manifest.json", sealed({k: v for k, v in described.items() if k not in measured}))
    group.attrs["complete"] = True


def _write_array(group: zarr.Group, name: str, content: np.ndarray, axes: tuple[str, ...] | None) -> None:
    rows = max(1, min(len(content), BLOCK_BYTES // max(1, content[:1].nbytes)))
    array = group.create_array(
        name,
        shape=content.shape,
        dtype=content.dtype,
        chunks=(rows, *(max(1, n) for n in content.shape[1:])),
        compressors=None,
        dimension_names=axes,
    )
    array[...] = content


def read_store(
    path: str | Path, names: Iterable[str], schema_version: int
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read the arrays ``names`` (all of them, in the order of writing) and attributes that
    :func:`write_store` wrote.

    Anything missing, unfinished, altered, or of another schema version is refused with :class:`StudyError`.
    """
    store = Path(path) / "store.zarr"
    attributes = read_attributes(path, schema_version)
    group = open_complete(store)
    arrays = {name: read_array(group, name) for name in names}
    check_digest(store, digest_of(*arrays.values()), attributes)
    return arrays, attributes


def read_attributes(path: str | Path, schema_version: int | None = None) -> dict[str, Any]:
    """Read the attributes alone of what :func:`write_store` wrote, without their seal; refused as by
    :func:`read_store`, unless an array was altered. ``schema_version`` None: of any."""
    store = Path(path) / "store.zarr"
    attributes: dict[str, Any] = dict(open_complete(store).attrs)
    del attributes[SEAL]
    if schema_version is not None and attributes.get("schema_version") != schema_version:
        raise StudyError(
            f"{store} has schema version {attributes.get('schema_version')}",
            f"version {schema_version}, which this release writes and reads",
            remedy(path),
        )
    listed = read_json(Path(path) / "manifest.json", {"digest": TEXT, SEAL: TEXT}, remedy(path))
    check_seal(Path(path) / "manifest.json", listed, remedy(path))
    del listed[SEAL]
    others = [name for name in listed if name not in attributes or attributes[name] != listed[name]]
    if others:
        raise StudyError(
            f"{store} and the manifest beside it differ in {', '.join(others)}",
            "what was written into both",
            remedy(path),
        )
    return attributes


def verify_store(path: str | Path) -> None:
    """Read everything that :func:`write_store` wrote into the folder ``path``; refused as by :func:`read_store`."""
    store = Path(path) / "store.zarr"
    attributes = read_attributes(path)
    group = open_complete(store)
    listed = [*attributes["arrays"], *attributes.get("extras", {})]
    with readable(store, remedy(path)):
        there = set(group)
    if there != set(listed):
        raise StudyError(
            f"{store} holds {', '.join(sorted(there))}",
            f"{', '.join(sorted(listed))} and nothing else",
            remedy(path),
        )
    check_digest(store, digest_of(*(read_array(group, name) for name in attributes["arrays"])), attributes)
    for name in attributes.get("extras", {}):
        read_extra(path, name)


def read_extra(path: str | Path, name: str) -> np.ndarray | None:
    """Read one of the extras of a store; None where it has none of that name."""
    store = Path(path) / "store.zarr"
    group = open_complete(store)
    stated = group.attrs.get("extras")
    if not isinstance(stated, dict) or name not in stated:
        return None
    array = read_array(group, name)
    if digest_of(array) != stated[name]:
        raise StudyError(
            f"the array {name} of {store} has digest {digest_of(array)[:12]}",
            f"{str(stated[name])[:12]} as the attributes say",
            remedy(path),
        )
    return array


def open_complete(path: str | Path) -> zarr.Group:
    """Open the Zarr group ``path`` for reading; refuse one that is absent or was not finished."""
    path = Path(path)
    fix = remedy(path.parent)
    if not (path / "zarr.json").is_file():
        raise StudyError(f"there is no Zarr store at {path}", "a finished store", fix)
    check_regular(path, fix)
    with readable(path, fix):
        group = zarr.open_group(str(path), mode="r")
        complete = group.attrs.get("complete")
        attributes = dict(group.attrs)
    if complete is not True:
        raise StudyError(f"the store {path} is not complete", "the attribute complete: true", fix)
    check_seal(path, {name: value for name, value in attributes.items() if name != "complete"}, fix)
    return group


def check_digest(path: str | Path, found: str, stated: Mapping[str, Any]) -> None:
    """Refuse the store ``path`` unless its content has the digest that its attributes name."""
    if found != stated.get("digest"):
        raise StudyError(
            f"the content of {path} has digest {found[:12]}",
            f"{str(stated.get('digest'))[:12]} as its attributes and the manifest say",
            remedy(Path(path).parent),
        )


def read_array(group: zarr.Group, name: str) -> np.ndarray:
    """Read an array whole."""
    store = Path(str(group.store_path.store).removeprefix("file://"))
    with readable(f"the array {name} of {store}", remedy(store.parent)):
        array = group[name]
        if not isinstance(array, zarr.Array):
            raise TypeError("it is no array")
        return np.asarray(array[...])


def check_regular(store: Path, fix: str) -> None:
    """Refuse a store in which something is neither a file nor a folder: zarr would wait for what a pipe never
    gives."""
    try:
        for folder, folders, files in os.walk(store, onerror=_raised):
            for name in (*folders, *files):
                mode = os.stat(os.path.join(folder, name)).st_mode
                if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
                    raise StudyError(f"{folder}/{name} is no file", "the files as they were written", fix)
    except OSError as error:
        raise StudyError(
            f"{store} cannot be read: {error.strerror or error} ({error.filename})",
            "the files as they were written",
            fix,
        ) from error


def _raised(error: OSError) -> None:
    raise error


@contextmanager
def readable(what: str | Path, fix: str) -> Iterator[None]:
    """Turn whatever zarr says of files that are not as it wrote them into one message with ``fix``."""
    try:
        yield
    except StudyError:
        raise
    except Exception as error:  # of any type: the damage decides where zarr stumbles
        said = f"{type(error).__name__}: {error}"
        raise StudyError(f"{what} cannot be read ({said})", "the files as they were written", fix) from error


def remedy(folder: str | Path) -> str:
    """Return what to do about a damaged store."""
    return f"delete {folder} and run the study again"


def digest_of(*arrays: np.ndarray) -> str:
    """SHA-256 of the arrays' types, shapes and bytes (C order, little-endian)."""
    total = hashlib.sha256()
    for array in arrays:
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        total.update(f"{little.dtype.str}{array.shape}".encode())
        total.update(little.tobytes())
    return total.hexdigest()


def plain(value: Any) -> Any:
    """Turn numpy values, tuples and paths into what JSON knows; NaN and infinities become text.

    >>> plain({"a": np.float64(0.5)})
    {'a': 0.5}
    """
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return str(value) if isinstance(value, Path) else value


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write sorted, indented JSON: equal content, equal bytes."""
    path.write_text(json.dumps(plain(content), indent=2, sort_keys=True) + "\n")
