"""Fetch a dataset: verified raw files in ``<folder>/<name>/`` and a manifest that says what they are.

Sources are tried in order: the dataset's own folder, the folder named by the environment variable ``HYDRA_DATA`` (its
subfolder of the dataset's name, then itself), what torchvision left in either or in the data folder (``MNIST/raw/``),
then the dataset's own sources. A file counts only when the SHA-256 of its content is the published one; a source that
fails falls through to the next. Files are written under a temporary name and renamed, so a file of the right name is
whole; verified files are kept, and only missing ones are fetched.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.config.datasets import Dataset, dataset
from hydra_steps.config.descriptions import source_files
from hydra_steps.contents import (
    MANIFEST,
    SOURCES,
    changes_since_manifest,
    differences,
    digest_of,
    files_in,
    read_manifest,
)
from hydra_steps.data.group import members_of
from hydra_steps.data.own.store import read_samples
from hydra_steps.data.raw import Part, RawFile, Source
from hydra_steps.data.sources import LocalFolder
from hydra_steps.errors import StudyError
from hydra_steps.json_files import read_json_if_whole, write_whole
from hydra_steps.registry.catalogue import loaded, module_of

BLOCK = 1 << 20


def fetch_data(
    name: str, folder: str | Path = "data", output: str | Path | None = None, planned: str | None = None
) -> Path:
    """Fetch and verify dataset ``name`` into ``<folder>/<name>/``; return the path of its manifest.

    The manifest (``output``, or ``<folder>/<name>/manifest.json``) is JSON with ``name``, ``title``,
    ``reference`` and ``files``: per file ``file``, ``sha256`` and ``bytes`` of the kept content, and
    ``source``, the kind of source it came from. It depends on nothing else: no dates, no paths. When all
    files are verified nothing is downloaded; the cost is then one SHA-256 over the files. A dataset without declared
    files is read by its function, and has one row with the digest of its content and no ``file``, and one for each
    file in its folder that it reads. ``planned``, by which a plan knew the content
    (:func:`hydra_steps.contents.planned_by`), is kept; by default it is the digest of these files.

    Raises :class:`StudyError` for an unknown dataset, a folder that cannot be written, and files that no
    source delivered: it names each file, the expected and the found digest or the reason per source, and what
    to do.
    """
    entry = dataset(name)
    home = Path(folder) / name
    try:
        home.mkdir(parents=True, exist_ok=True)
        files, sources = files_of(name)
        kinds = _fetch_files(entry, files, sources, home) if files else {}
        rows = [_row(home, file.name, file.sha256, kinds[file.name]) for file in files]
        if entry.reads is not None:
            digest = content_sha256(read_content(entry, home))
            rows = [{"file": None, "sha256": digest, "bytes": None, "source": module_of("dataset", name)}]
            there = files_in(home, entry.reads)
            rows += [_row(home, file, sha256, LocalFolder.kind) for file, sha256 in there.items()]
        path = Path(output) if output is not None else home / MANIFEST
        if planned is None:
            planned = digest_of({row["file"]: row["sha256"] for row in rows if row["file"]})
        about = {"name": name, "title": entry.title, "reference": entry.reference}
        content = {**about, "files": rows, "planned": planned}
        write_whole(path, json.dumps(content, indent=2, sort_keys=True) + "\n")
    except OSError as error:
        raise StudyError(
            f"{home} cannot be written: {error}",
            "a folder with write permission and enough free space",
            "change data.folder in the config, or the permissions of the folder",
        ) from error
    return path


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits, in O(bytes)."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def files_of(name: str) -> tuple[tuple[RawFile, ...], tuple[Source, ...]]:
    """Return the raw files of dataset ``name``, and the sources of its own."""
    given = loaded("dataset", name)[1]
    return given["files"], given["sources"]


def read_content(entry: Dataset, home: Path) -> dict[str, Part]:
    """Return the parts of ``entry`` from its folder ``home``; what ships with a dependency is checked."""
    if entry.described:
        return read_samples(entry.home, entry.store, list(entry.parts))
    read = loaded("dataset", entry.name)[0]
    parts: dict[str, Part] = read(home, **entry.options)
    if entry.bundled and (found := content_sha256(parts)) != entry.bundled:
        raise StudyError(
            f"the content of {entry.title} has SHA-256 {found}",
            f"SHA-256 {entry.bundled}",
            "install the versions of the dependencies that this project names",
        )
    return parts


def content_sha256(parts: Mapping[str, Part]) -> str:
    """Return the SHA-256 of the shapes and values of all parts."""
    digest = hashlib.sha256()
    for name, part in sorted(parts.items()):
        for array in (*members_of(part.inputs).values(), part.targets):
            digest.update(f"{name} {array.shape} {array.dtype.str}\n".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def verify_files(entry: Dataset, home: Path) -> None:
    """Raise :class:`StudyError` unless every file of ``entry`` is in ``home`` as it was published, or, of a dataset
    without published files, as the manifest beside it says, where there is one; so are described data."""
    files, _ = files_of(entry.name)
    if entry.described:
        _verify_described(entry)
        return
    if changed := changes_since_manifest(home, entry.reads) if entry.reads is not None else "":
        raise StudyError(
            f"{home} is no longer what the study began with: {changed}",
            f"the files of {home / MANIFEST}, until the study is done",
            "run again: all that depends on the data is made from them as they are now (a file that is no data, such "
            "as a log, is left out by the decorator's `reads`)",
        )
    for file in files:
        path = home / file.name
        if not path.is_file():
            raise StudyError(
                f"{path} is missing",
                f"SHA-256 {file.sha256}",
                f"fetch the data again, or {_advice(files, home)}",
            )
        found = sha256_of(path)
        if found != file.sha256:
            raise StudyError(
                f"{path} has SHA-256 {found}",
                f"SHA-256 {file.sha256}",
                f"remove the file and fetch the data again, or {_advice(files, home)}",
            )


def _fetch_files(
    entry: Dataset, files: tuple[RawFile, ...], sources: tuple[Source, ...], home: Path
) -> dict[str, str]:
    """Bring every raw file into ``home``; return the kind of source of each."""
    kinds = _read_kinds(home)
    reasons: dict[str, list[str]] = {}  # reason -> the files it kept from being had
    missing = list(files)
    for file in files:
        path = home / file.name
        if path.is_file():
            found = sha256_of(path)
            if found == file.sha256:
                missing.remove(file)
                kinds.setdefault(file.name, "local folder")
            else:
                reasons[f"{path} has SHA-256 {found} ({path.stat().st_size} bytes)"] = [file.name]
    for source in (_local_folder(entry, home), *sources):
        if not missing:
            break
        # Inside the dataset's folder, so that the last step is a rename on one file system.
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=home) as scratch:
            offers = source.offer(tuple(missing), Path(scratch).resolve())
            for file in list(missing):
                for offer in offers.get(file.name, ()):
                    reason = offer if isinstance(offer, str) else _adopt(file, offer, home, Path(scratch))
                    if not reason:
                        missing.remove(file)
                        kinds[file.name] = source.kind
                        write_whole(home / SOURCES, json.dumps(kinds, indent=2, sort_keys=True) + "\n")
                        break
                    reasons.setdefault(f"{source.kind}: {reason}", []).append(file.name)
    if missing:
        names = {file.name for file in missing}
        whys = [f"{why} [{', '.join(files)}]" for why, files in reasons.items() if names & set(files)]
        found = f"{', '.join(sorted(names))}; tried: {' | '.join(whys)}"
        wanted = ", ".join(f"{file.name} with SHA-256 {file.sha256}" for file in missing)
        note = " of the uncompressed content" if any(file.unzip for file in missing) else ""
        raise StudyError(
            f"no source delivered these files of {entry.title}: {found}", wanted + note, _advice(files, home)
        )
    return kinds


def _local_folder(entry: Dataset, home: Path) -> LocalFolder:
    folders = [home]
    if os.environ.get("HYDRA_DATA"):
        given = Path(os.environ["HYDRA_DATA"]).expanduser()
        folders += [given / entry.name, given]
    for root in dict.fromkeys((home.parent, folders[-1])):
        # torchvision: an archive in its root, IDX files in <root>/<class>/raw; equal names differ by digest.
        folders += [root, root / "raw", *sorted(root.glob("*/raw"))]
    return LocalFolder(tuple(dict.fromkeys(folders)))


def _adopt(file: RawFile, candidate: Path, home: Path, scratch: Path) -> str:
    """Unpack and verify a candidate, and rename it into ``home``; return why not, or nothing."""
    part = scratch / f"{file.name}.part"
    digest = hashlib.sha256()
    try:
        with candidate.open("rb") as plain:
            zipped = file.unzip and plain.read(2) == b"\x1f\x8b"
        with (
            (gzip.open if zipped else open)(candidate, "rb") as stream,
            part.open("wb") as out,
        ):
            while block := stream.read(BLOCK):
                if file.size is not None and out.tell() + len(block) > file.size:
                    return f"{candidate.name} holds more than the {file.size:,} bytes of {file.name}"
                digest.update(block)
                out.write(block)
            out.flush()
            os.fsync(out.fileno())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        return f"{candidate.name} is truncated or damaged ({error})"
    except OSError as error:
        return f"{candidate} cannot be copied ({error})"
    if digest.hexdigest() != file.sha256:
        return f"{candidate.name} has SHA-256 {digest.hexdigest()} ({part.stat().st_size} bytes)"
    os.replace(part, home / file.name)
    return ""


def _verify_described(entry: Dataset) -> None:
    listed = read_manifest(entry.home)
    there = source_files(entry.name, entry.source, entry.options)
    if changed := differences(listed[0] if listed else {}, there):
        raise StudyError(
            f"the data in {entry.source} are no longer what the study began with: {changed}",
            f"the files of {entry.home / MANIFEST}, until the study is done",
            "run again: all that depends on the data is made from them as they are now",
        )


def _row(home: Path, file: str, sha256: str, source: str) -> dict[str, Any]:
    return {"file": file, "sha256": sha256, "bytes": (home / file).stat().st_size, "source": source}


def _read_kinds(home: Path) -> dict[str, str]:
    return {name: str(kind) for name, kind in (read_json_if_whole(home / SOURCES) or {}).items()}


def _advice(files: tuple[RawFile, ...], home: Path) -> str:
    forms = " (plain or .gz)" if any(file.unzip for file in files) else ""
    return (
        f"put the named files{forms} into {home}, or into a folder that the environment variable "
        "HYDRA_DATA names, and run again"
    )
