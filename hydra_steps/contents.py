"""The files that a dataset is read from, known by their content.

A file is read again only where its size, its times of change, or its place on the disk is another one than at the last
look: the inode's own time (``ctime``) cannot be set back, so an edit that restores the file's date is seen, too. What
was found is kept in a hidden file beside the data, and unchanged data cost a look at each file's entry. Plans
ask this, so nothing here needs numpy.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra_steps.errors import StudyError
from hydra_steps.json_files import TEXT, object_of, read_json_if_whole, write_whole

MANIFEST = "manifest.json"
SOURCES = "sources.json"  # where each fetched file came from
LOG = "fetch_data.log"
LOOKED_AT = ".contents.json"
EVERYTHING = ("**",)
NAMED = 10  # so many files in a message
# A file that changed a moment ago may change again within the clock's tick: it is not trusted without being read.
SETTLED_NANOSECONDS = 2_000_000_000
MUCH = 2_000_000_000  # bytes, the reading of which is announced

Files = dict[str, str]  # name, relative to the dataset's folder → SHA-256 of the content
_ROW = object_of({"file": {"type": ["string", "null"]}, "sha256": TEXT})
MEMBERS: dict[str, dict[str, Any]] = {"planned": TEXT, "files": {"type": "array", "items": _ROW}}


def files_in(home: Path, patterns: Sequence[str] = EVERYTHING, kept_in: Path | None = None) -> Files:
    """Return all regular files in the folder ``home`` that match one of ``patterns``, with their content's SHA-256.

    Patterns are those of :mod:`glob`, ``**`` for all folders; hidden files match only where a pattern names the dot.
    What this package itself keeps there is left out. What was found is noted in ``home``, or in ``kept_in``. Cost: a
    look at each file, and one reading of those that changed. Raises :class:`StudyError` for a file that cannot be
    read.
    """
    notes = (kept_in or home) / LOOKED_AT
    known = read_json_if_whole(notes) or {}
    looked: dict[str, list[Any]] = {}
    unread = {}
    for name in _matching(home, patterns):
        state, before = _state(home / name), known.get(name)
        if state is not None and isinstance(before, list) and before[:-1] == state and before[-1]:
            looked[name] = before
        elif state is not None:
            looked[name], unread[name] = [*state, ""], state[0]
    if sum(unread.values()) > MUCH:
        size = sum(unread.values()) / 1e9
        print(f"reading {size:.0f} GB in {home}, to know them again", file=sys.stderr, flush=True)
    for name in unread:
        looked[name][-1] = _sha256(home / name)
    settled = time.time_ns() - SETTLED_NANOSECONDS
    kept = {name: row for name, row in looked.items() if max(row[1], row[2]) < settled}
    if kept and kept != known:
        # Where the folder cannot be written, all is read again the next time.
        with contextlib.suppress(OSError):
            write_whole(notes, json.dumps(kept))
    return {name: str(row[-1]) for name, row in sorted(looked.items()) if row[-1]}


def digest_of(files: Mapping[str, str]) -> str:
    """Return one SHA-256 of names and contents; an empty text for no files."""
    if not files:
        return ""
    text = json.dumps(sorted(files.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def read_manifest(home: Path) -> tuple[Files, str] | None:
    """Return the files that the dataset's manifest lists, and what it was planned by; None without a whole one."""
    manifest = read_json_if_whole(home / MANIFEST, MEMBERS)
    if manifest is None:
        return None
    return {row["file"]: row["sha256"] for row in manifest["files"] if row["file"]}, manifest["planned"]


def planned_by(home: Path, patterns: Sequence[str] | None) -> str:
    """Return the text by which a plan knows the content of ``home``: it changes where that changes.

    It is the digest of the files as they are, before the dataset is read for the first time; as reading may bring
    files there, the manifest keeps the text, and as long as the files are those of the manifest it is the answer.
    ``patterns`` None: what the manifest lists.
    """
    listed = read_manifest(home)
    there = files_in(home, _patterns(patterns, listed))
    return listed[1] if listed and listed[0] == there else digest_of(there)


def changes_since_manifest(home: Path, patterns: Sequence[str] | None) -> str:
    """Say which files are others than the manifest's, ``a.npy changed, b.npy added``; nothing without a manifest."""
    listed = read_manifest(home)
    if listed is None:
        return ""
    return differences(listed[0], files_in(home, _patterns(patterns, listed)))


def differences(before: Files, now: Files) -> str:
    """Say which files are others now, ``a.npy changed, b.npy added``; an empty text for none.

    >>> differences({"a.npy": "1"}, {"a.npy": "2", "b.npy": "3"})
    'a.npy changed, b.npy added'
    """
    words = [f"{name} removed" for name in before.keys() - now.keys()]
    words += [f"{name} added" for name in now.keys() - before.keys()]
    words += [f"{name} changed" for name in before.keys() & now.keys() if before[name] != now[name]]
    more = f", and {len(words) - NAMED:,} more" if len(words) > NAMED else ""
    return ", ".join(sorted(words)[:NAMED]) + more


def _patterns(patterns: Sequence[str] | None, listed: tuple[Files, str] | None) -> Sequence[str]:
    if patterns is not None:
        return patterns
    return [glob.escape(name) for name in (listed[0] if listed else ())]


def _matching(home: Path, patterns: Iterable[str]) -> list[str]:
    own = {MANIFEST, SOURCES, LOG}
    found: set[str] = set()
    for pattern in patterns:
        found |= set(glob.iglob(os.path.expanduser(pattern), root_dir=home, recursive=True))
    return sorted(found - own)


def _state(path: Path) -> list[int] | None:
    """Return what cannot stay the same where a file was written to; None for what is no regular file."""
    try:
        if not path.is_file():
            return None
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:  # removed since it was listed
        return ""
    except OSError as error:
        raise StudyError(
            f"{path} cannot be read: {error.strerror or error}",
            "files of a dataset that you may read",
            "change the file's permissions, or leave it out by the decorator's `reads`",
        ) from error
