"""Data that are described by reading: what a plan knows of a user's own files, kept in a manifest.

A dataset whose declaration says neither classes nor shape nor sizes is read once, by a process of its own (``python
-m hydra_steps.data.describe``), since a plan is made where numpy need not be installed. What was found lies in
``data/prepared/<name>-<key>/``: the manifest with the description, and the samples as arrays. It is used as long as
the files that were read, and the code that read them, are the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from glob import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra_steps.contents import MANIFEST, Files, differences, digest_of, files_in, read_manifest
from hydra_steps.errors import StudyError
from hydra_steps.json_files import NUMBER, TEXT, object_of, read_json
from hydra_steps.registry import find
from hydra_steps.registry.code import code_digest
from hydra_steps.registry.entry import is_described
from hydra_steps.registry.options import options_of

PREPARED = Path("data/prepared")
PACKAGE = Path(__file__).parents[2]
_TEXTS, _NUMBERS = {"type": "array", "items": TEXT}, {"type": "array", "items": NUMBER}
_BY_PART = {"type": "object"}
DESCRIBED = object_of(
    {
        "kind": TEXT,
        "asks": TEXT,
        "outputs": _TEXTS,
        "classes": _TEXTS,
        "shape": _NUMBERS,
        "dtype": TEXT,
        "parts": _BY_PART,
        "counts": _BY_PART,
        "columns": _TEXTS,
        "scaled": {"type": "array", "items": {"type": "boolean"}},
        "groups": _BY_PART,
        "white": NUMBER,
        "store": TEXT,
    }
)
# Sentences about files that changed since they were last described, for whoever plans.
CHANGED: dict[Path, str] = {}


def described_by(name: str) -> bool:
    """Whether the dataset called ``name`` is described by reading."""
    return is_described(find("dataset", name, "data.name"))


def prepared_folder(name: str, folder: str | Path, options: Mapping[str, Any] | None = None) -> Path:
    """Return the folder of what was read from ``folder`` with these options, relative to where a study is run."""
    entry = find("dataset", name, "data.name")
    chosen = options_of(entry, options or {}, "data")
    text = json.dumps([name, str(source_folder(folder)), chosen], sort_keys=True)
    return PREPARED / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def source_folder(folder: str | Path) -> Path:
    """Return the folder of a user's own files."""
    return Path(folder).expanduser()


def description(name: str, folder: str | Path, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what is known of described data; :class:`StudyError` where they were not described yet."""
    manifest = read_json(
        prepared_folder(name, folder, options) / MANIFEST,
        {"described": DESCRIBED},
        "check the study, which reads the data once: python -m hydra_steps.config --check <study>.yaml",
    )
    told: dict[str, Any] = manifest["described"]
    return told


def ensure_described(name: str, folder: str | Path, options: Mapping[str, Any] | None = None) -> None:
    """Describe data that are described by reading, where that was not done or they have changed since.

    Cost: a look at each file's entry where nothing changed. Raises :class:`StudyError` for what is wrong with the data.
    """
    if not described_by(name):
        return
    home = prepared_folder(name, folder, options)
    before = read_manifest(home)
    there = source_files(name, folder, options)
    if before is not None and before[1] == stamp(name, there):
        return
    if before is not None and (words := differences(before[0], there)):
        CHANGED[home] = f"Changed since {name} was read from {source_folder(folder)}: {words}. " + (
            "What was made from it is made again."
        )
    _describe(name, str(folder), dict(options or {}))


def source_files(name: str, folder: str | Path, options: Mapping[str, Any] | None = None) -> Files:
    """Return the files that described data are read from, with the SHA-256 of each."""
    source = source_folder(folder)
    if not source.is_dir():
        raise StudyError(
            f"data.folder: there is no folder {source}",
            f"the folder of the files that {name} is read from",
            "correct data.folder",
        )
    return files_in(source, _patterns(name, options), prepared_folder(name, folder, options))


def stamp(name: str, files: Mapping[str, str]) -> str:
    """Return the text that changes where the content of the files changes, or the code that reads them."""
    code = code_digest("hydra_steps.data.describe", entries=[("dataset", name)])
    return digest_of({**files, "": code})


def _patterns(name: str, options: Mapping[str, Any] | None) -> Sequence[str]:
    """Return the declared patterns with the options filled in; a pattern of an option that is empty is left out."""
    entry = find("dataset", name, "data.name")
    chosen = options_of(entry, options or {}, "data")
    texts = {
        key: escape(str(Path(value).expanduser()))
        for key, value in chosen.items()
        if isinstance(value, str) and value
    }
    found = []
    for pattern in entry.traits["reads"]:
        try:
            found.append(pattern.format(**texts))
        except KeyError:
            continue
    return found


def _describe(name: str, folder: str, options: dict[str, Any]) -> None:
    if find_spec("numpy") is None:
        raise StudyError(
            f"the data {name} in {folder} have to be read once to plan a study of them, and {sys.executable} has no "
            "numpy",
            "a Python with this package's dependencies",
            "run `python -m hydra_steps.config --check <study>.yaml` once in this folder with such a Python",
        )
    path = os.pathsep.join(filter(None, [str(PACKAGE), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, "-m", "hydra_steps.data.describe"],
        input=json.dumps({"name": name, "folder": folder, "options": options}),
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return
    try:
        refused = json.loads(done.stdout)
    except ValueError:
        raise StudyError(
            f"the data {name} in {folder} could not be read: the process ended with code {done.returncode}",
            "",
            "see its messages above",
        ) from None
    raise StudyError(*refused)
