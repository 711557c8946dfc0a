"""Check a study against the schema, and say the first thing that is wrong with it in one message.

Every message names the key (dotted, as in ``training.optimizer.learning_rate``), the value that was found,
what is allowed there, and what to do.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from hydra_steps.errors import StudyError, nearest
from hydra_steps.registry.entry import Schema

if TYPE_CHECKING:
    import jsonschema

_TYPES = {
    "object": "a mapping (key: value)",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def validate(value: Any, schema: Schema, where: tuple[str | int, ...] = ()) -> None:
    """Raise the one :class:`StudyError` for the first error in ``value``; ``where`` is the key that it stands
    at."""
    from jsonschema import (
        Draft202012Validator,
    )  # no job that draws a figure checks anything: a tenth of its start

    errors = sorted(
        Draft202012Validator(schema).iter_errors(value),
        key=lambda e: ([str(p) for p in e.absolute_path], e.validator != "additionalProperties"),
    )
    if errors:
        raise _explained(errors[0], where)
    for path, number in _endless(value, where):
        raise StudyError(
            f"{key_name(path)}: {number} is no number", "a finite number", f"change {key_name(path)}"
        )


def _endless(value: Any, where: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], float]]:
    """Yield each number that is not finite, with its path: YAML has them, and no bound of a schema refuses ``.nan``."""
    if isinstance(value, float) and not math.isfinite(value):
        yield where, value
    for key, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from _endless(inner, (*where, key))


def key_name(path: Iterable[str | int]) -> str:
    """Return the dotted name of a key: ``queries[0].kind``.

    >>> key_name(["queries", 0, "kind"])
    'queries[0].kind'
    """
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else str(part)
    return name or "the study"


def shown(value: Any) -> str:
    """Return a value as it would stand in a YAML file, shortened.

    >>> shown([True, None, "a"])
    '[true, null, "a"]'
    """
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."


def _explained(error: jsonschema.ValidationError, where: tuple[str | int, ...]) -> StudyError:
    path = (*where, *error.absolute_path)
    key, value, schema = key_name(path), error.instance, error.schema
    assert isinstance(schema, dict)
    rule: Any = error.validator_value
    found = f"{key}: {shown(value)}"
    match error.validator:
        case "additionalProperties":
            known = list(schema.get("properties", {}))
            wrong = next(k for k in value if k not in known)
            name = key_name((*path, wrong))
            if not known:
                return StudyError(f"{name}: unknown key", "no keys here", f"remove {name}")
            return StudyError(f"{name}: unknown key (value {shown(value[wrong])})", "", _fix(wrong, known))
        case "enum":
            return StudyError(f"{found} is unknown", "", _fix(value, rule))
        case "type" | "anyOf":
            return StudyError(f"{found} has the wrong form", _form(schema), f"change {key}")
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            return StudyError(f"{found} is out of bounds", bounds(schema), f"set {key} to such a number")
        case "required":
            missing = next(k for k in rule if k not in value)
            return StudyError(f"{found} lacks the key {missing!r}", "", f"add {missing}: ... to {key}")
        case "pattern":
            expected = str(schema.get("x-expected", f"a text that matches {rule}"))
            return StudyError(f"{found} is not allowed", expected, f"choose another value for {key}")
        case "propertyNames":
            return StudyError(f"{found}: a name in it is not allowed", error.message, f"rename it in {key}")
        case "uniqueItems":
            return StudyError(
                f"{found} holds a value twice", "each value once", f"remove the repetition from {key}"
            )
        case _:
            return StudyError(found, error.message, f"change {key}")


def _fix(word: Any, known: Iterable[Any]) -> str:
    return nearest(str(word), [str(k) for k in known])


def bounds(schema: Schema) -> str:
    """Return the bounds of a number in words, ``0 or more and below 1``; empty where there are none."""
    words = {
        "minimum": "{} or more",
        "exclusiveMinimum": "above {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "below {}",
    }
    return " and ".join(text.format(schema[word]) for word, text in words.items() if word in schema)


def types(schema: Schema) -> list[str]:
    """Return the names of the types that a key may have."""
    kind = schema.get("type", [])
    return [kind] if isinstance(kind, str) else list(kind)


def _form(schema: Schema) -> str:
    if "x-expected" in schema:
        return str(schema["x-expected"])
    limits = bounds(schema)
    return " or ".join(_TYPES[t] for t in types(schema)) + (f", {limits}" if limits else "")
