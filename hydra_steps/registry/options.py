"""The options that an entry is called with, from those that a study gives; and what they must fulfil together."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from hydra_steps.errors import StudyError, nearest
from hydra_steps.registry.catalogue import entries
from hydra_steps.registry.entry import Entry
from hydra_steps.registry.expressions import evaluate


def options_of(entry: Entry, given: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return every option of ``entry``: as ``given``, or its default.

    Options that only other entries of the kind have are passed over, so that a variant may choose another name and
    leave the rest. Raises :class:`StudyError`, which names ``key``, for an option that none has.
    """
    known = {option for one in entries(entry.kind).values() for option in one.options}
    for name, value in given.items():
        if name not in known:
            raise StudyError(
                f"{key}.{name}: {json.dumps(value, default=str)} is given, and no {entry.kind} has such an option",
                f"an option of {entry.name}",
                nearest(name, list(entry.options)) if entry.options else f"remove {key}.{name}",
            )
    chosen = entry.defaults() | {name: value for name, value in given.items() if name in entry.options}
    if missing := [name for name in entry.options if name not in chosen]:
        raise StudyError(
            f"{key}: {entry.name} is asked for without {', '.join(missing)}, which has no default",
            "a value for each",
            f"add {key}.{missing[0]}",
        )
    return chosen


def check_requirements(
    entry: Entry, options: Mapping[str, Any], key: str, facts: Mapping[str, tuple[int, str]] = {}
) -> None:
    """Raise :class:`StudyError` where the options do not fulfil what the entry's ``require`` says.

    ``facts``: what an expression may name beside the options: a number, and what is counted.
    """
    known = {**options, **{name: number for name, (number, _) in facts.items()}}
    for expression, expected in entry.traits.get("require", {}).items():
        if not evaluate(expression, known):
            used = {node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)}
            told = [f"{name} {json.dumps(options[name])}" for name in entry.options if name in used]
            told += [f"{number:,} {what}" for name, (number, what) in facts.items() if name in used]
            raise StudyError(
                f"{key}: {entry.name} with {', '.join(told)}", expected, f"change one of them in {key}"
            )


def choice(section: Mapping[str, Any], *own: str) -> tuple[str, dict[str, Any]]:
    """Return the name and the options that a plain section gives; ``own`` are keys of the section itself.

    >>> choice({"name": "mlp", "hidden": [8]})
    ('mlp', {'hidden': [8]})
    """
    return str(section["name"]), {key: value for key, value in section.items() if key not in ("name", *own)}
