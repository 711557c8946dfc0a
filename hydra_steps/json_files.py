"""The JSON files that a study keeps: written whole, and read back whole, an object, with its members, or refused in one
message."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hydra_steps.errors import StudyError

NUMBER, TEXT = {"type": "number"}, {"type": "string"}
SEAL = "seal"  # the member that is the digest of all others


def read_json(path: str | Path, members: Mapping[str, Mapping[str, Any]], fix: str) -> dict[str, Any]:
    """Read the object in the file ``path``, which has ``members``: name -> the JSON schema of its value.

    It may have others, too. Raises :class:`StudyError`, with ``fix``, for a file that is missing or cannot be read, one
    that is no JSON or another value than an object, and a member that is missing or of another kind.
    """
    from jsonschema.exceptions import best_match

    expected = f"an object with {', '.join(members)}" if members else "an object"
    try:
        content = _parsed(Path(path))
    except FileNotFoundError as error:
        raise StudyError(f"{path} is missing", expected, fix) from error
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error.strerror or error}", expected, fix) from error
    except (ValueError, RecursionError) as error:
        raise StudyError(f"{path} is damaged: {error}", expected, fix) from error
    wrong = best_match(_wrong(content, members))
    if wrong is not None:
        where = "/".join(str(part) for part in wrong.absolute_path)
        said = wrong.message if len(wrong.message) <= 200 else f"{wrong.message[:200]}…"
        raise StudyError(f"{path}{where and f', member {where}'}: {said}", expected, fix)
    return dict(content)


def read_json_if_whole(
    path: str | Path, members: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any] | None:
    """Read what :func:`read_json` reads; None where that refuses: for what can be made again."""
    try:
        content = _parsed(Path(path))
    except (OSError, ValueError, RecursionError):
        return None
    return content if next(_wrong(content, members or {}), None) is None else None


def sealed(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of an object with their digest among them, by which a change of any of them is known."""
    own = {name: value for name, value in members.items() if name != SEAL}
    return {**own, SEAL: hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()}


def check_seal(where: str | Path, members: Mapping[str, Any], fix: str) -> None:
    """Raise :class:`StudyError`, with ``fix``, for members that are not those that were sealed."""
    stated, found = str(members.get(SEAL)), str(sealed(members)[SEAL])
    if found != stated:
        raise StudyError(
            f"{where} was changed after it was written: its content has digest {found[:12]}",
            f"{stated[:12]} as it says itself",
            fix,
        )


def write_whole(path: Path, text: str) -> None:
    """Write a text so that ``path`` holds the old content or the new, never a part, whoever else writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as out:
            out.write(text)
        os.chmod(part, 0o644)
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def object_of(members: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the schema of an object that has ``members``."""
    return {"type": "object", "required": list(members), "properties": dict(members)}


def _wrong(content: Any, members: Mapping[str, Mapping[str, Any]]) -> Iterator[Any]:
    from jsonschema import Draft202012Validator  # not loaded before a file is read

    found: Iterator[Any] = Draft202012Validator(object_of(members)).iter_errors(content)
    return found


def _parsed(path: Path) -> Any:
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise OSError(errno.EINVAL, "it is no file")
    return json.loads(path.read_text(encoding="utf-8"))
