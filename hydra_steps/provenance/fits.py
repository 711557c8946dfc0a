"""Whether an output is what a step of this study makes: its record is compared with the study as it is now."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hydra_steps.errors import StudyError
from hydra_steps.provenance.content import content_of, remedy
from hydra_steps.provenance.record import Making, read_record

SHOWN = 60  # characters of a value in a sentence


class Misfit(NamedTuple):
    """How an output is not what a step of this study makes: ``foreign``, ``edited`` or ``stale``, and a sentence."""

    kind: str
    words: str


def misfit(output: str | Path, made_by: Making) -> Misfit | None:
    """Return in what an output differs from what ``made_by`` makes; None where in nothing.

    The output is there. Cost: reading its record, and a digest of its content.
    """
    record = read_record(output)
    if record is None:
        return Misfit("foreign", "nothing says what made it")
    try:
        content = content_of(output)
    except StudyError as error:
        return Misfit("edited", error.found)
    if content != record.content:
        return Misfit("edited", f"it was changed after {record.step} wrote it")
    if record.step != made_by.step:
        return Misfit("foreign", f"{record.step} made it, not {made_by.step}")
    words = next(_differences(record, made_by), "")
    return Misfit("stale", words) if words else None


def check_whole(path: str | Path) -> str:
    """Return the digest of an output's content; :class:`StudyError` unless its record says the same."""
    content, record = content_of(path), read_record(path)
    if record is None:
        raise StudyError(f"nothing says what made {path}", "its record, as the study wrote it", remedy(path))
    if content != record.content:
        raise StudyError(
            f"{path} was changed after {record.step} wrote it: its content has digest {content[:12]}",
            f"{record.content[:12]} as its record says",
            remedy(path),
        )
    return content


def _differences(was: Making, now: Making) -> Iterator[str]:
    for name, (before, after) in _changed(was.settings, now.settings):
        yield f"made with {name} {_shown(before)}, the study has {_shown(after)}"
    if was.code != now.code:
        yield f"made by other code ({was.code or 'none'}, now {now.code or 'none'})"
    for name, (read, there) in _changed(was.inputs, now.inputs):
        if read is None:
            yield f"made without {name}"
        elif there is None:
            yield f"made from {name}, which is no input any more"
        else:
            yield f"made from another {name} ({read[:12]}, now {there[:12]})"


def _changed(
    before: Mapping[str, Any], after: Mapping[str, Any], above: str = ""
) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Yield dotted names with both values, of those that differ; None for one that is not there."""
    for name in [*after, *(name for name in before if name not in after)]:
        one, other = before.get(name), after.get(name)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _changed(one, other, f"{above}{name}.")
        elif one != other or type(one) is not type(other) or (name in before) != (name in after):
            yield f"{above}{name}", (one, other)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
