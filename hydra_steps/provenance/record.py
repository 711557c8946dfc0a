"""The record beside an output: its content, and what made it.

``<folder>/.provenance/<name>.json`` belongs to ``<folder>/<name>``, so that a folder that is copied or moved takes its
records along. It holds

    content    digest of the output (:func:`hydra_steps.provenance.content.content_of`)
    step       the step that made it
    settings   what the step was told, value by value
    code       digest of the code that decides it
    inputs     each input, by its path below the study's folder, with the digest of its content as it was read
    digest     SHA-256 of all of the above

and neither a date nor a host's name: equal outputs have equal records.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hydra_steps.json_files import TEXT, read_json_if_whole, write_whole

FOLDER = ".provenance"
_MEMBERS: dict[str, Mapping[str, Any]] = {name: TEXT for name in ("content", "step", "code", "digest")}
_MEMBERS |= {
    "settings": {"type": "object"},
    "inputs": {"type": "object", "additionalProperties": TEXT},
}


@dataclass(frozen=True)
class Making:
    """What makes an output: a step, what it is told, its code, and its inputs by key with their contents' digests."""

    step: str
    settings: dict[str, Any]
    code: str
    inputs: dict[str, str]


@dataclass(frozen=True)
class Record(Making):
    """What made an output, and the digest of what it held then."""

    content: str

    @property
    def digest(self) -> str:
        """The digest of the record: of the output and of all that decides it."""
        return hashlib.sha256(_canonical(asdict(self)).encode()).hexdigest()


def record_path(output: str | Path) -> Path:
    """Return where the record of an output is."""
    path = Path(output)
    return path.parent / FOLDER / f"{path.name}.json"


def read_record(output: str | Path) -> Record | None:
    """Return the record of an output; None where there is none, or one that was damaged or changed."""
    found = read_json_if_whole(record_path(output), _MEMBERS)
    if found is None:
        return None
    record = Record(**{name: found[name] for name in Record.__dataclass_fields__})
    return record if record.digest == found["digest"] else None


def write_record(output: str | Path, record: Record) -> None:
    """Write the record of an output, whole or not at all."""
    text = json.dumps(asdict(record) | {"digest": record.digest}, indent=1, sort_keys=True)
    write_whole(record_path(output), text + "\n")


def plain(value: Any) -> Any:
    """Return a step's value as JSON gives it back, whatever kind of mapping or list it was.

    >>> plain({"a": (1, 2)})
    {'a': [1, 2]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


def key_of(path: str | Path, study: str | Path) -> str:
    """Return how records name an input: its path below the folder ``study``, or its last two parts elsewhere.

    >>> key_of("results/mine/config.yaml", "results/mine")
    'config.yaml'
    >>> key_of("/data/digits/manifest.json", "results/mine")
    'digits/manifest.json'
    """
    path = Path(path)
    if path.is_relative_to(study):
        return path.relative_to(study).as_posix()
    return "/".join(path.parts[-2:])


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
