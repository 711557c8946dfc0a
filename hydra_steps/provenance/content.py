"""One digest of what an output holds: the bytes of a file, or of the manifests in a folder; and of a dataset's files.

A store's manifest names the digests of its arrays and attributes, which whoever reads the store compares; so the
manifest stands for the store, and what the clock measured, which no manifest holds, is no part of it. A dataset's
manifest stands for the files that it lists, wherever each of them came from.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from hydra_steps.contents import MEMBERS
from hydra_steps.errors import StudyError
from hydra_steps.json_files import read_json_if_whole

MANIFEST = "manifest.json"


def content_of(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, of the names and bytes of all manifests in a folder, or of the names and
    digests that a dataset's manifest lists.

    Raises :class:`StudyError` for what is not there, cannot be read, or is a folder without a manifest.
    """
    path = Path(path)
    try:
        if not path.is_dir():
            return _of_dataset(path) if path.name == MANIFEST else _sha256(path)
        found = sorted(path.rglob(MANIFEST))
        text = "".join(f"{one.relative_to(path)}:{_sha256(one)}\n" for one in found)
    except OSError as error:
        raise StudyError(
            f"{path} cannot be read: {error.strerror or error}", "what the study made", remedy(path)
        ) from error
    if not found:
        raise StudyError(f"the folder {path} has no {MANIFEST}", "a finished store", remedy(path))
    return hashlib.sha256(text.encode()).hexdigest()


def _of_dataset(manifest: Path) -> str:
    found = read_json_if_whole(manifest, MEMBERS)
    if found is None:
        return _sha256(manifest)
    rows = sorted((row["file"] or "", row["sha256"]) for row in found["files"])
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def remedy(path: str | Path) -> str:
    """Return what to do about an output that is not as it was made."""
    return f"delete {path} and run the study again"


def _sha256(path: Path) -> str:
    if not path.is_file():  # a pipe would be waited for
        raise FileNotFoundError(2, "no such file", str(path))
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
