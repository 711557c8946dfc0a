"""From a type annotation to a JSON schema: what an option may be.

int, float, bool, str, Path          integer, number, boolean, string
T | None                             also null
Literal["a", "b"]                    one of these
list[T], tuple[T, ...]               a list of T; tuple[T, T] a list of that length
dict[str, T], Mapping[str, T]        a mapping by name
Annotated[T, "0 <= x < 1"]           with bounds (``<``, ``<=``, ``>``, ``>=`` around ``x``)
Annotated[T, {"minItems": 1}]        with further keys of a JSON schema
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hydra_steps.registry.entry import Schema

_PLAIN = {int: "integer", float: "number", bool: "boolean", str: "string", Path: "string", type(None): "null"}
_NUMBER = r"-?[0-9.]+(?:e[+-]?[0-9]+)?"
_BELOW = re.compile(
    rf"\s*(?:(?P<low>{_NUMBER})\s*(?P<low_sign><=?)\s*)?x(?:\s*(?P<high_sign><=?)\s*(?P<high>{_NUMBER}))?\s*"
)
_ABOVE = re.compile(rf"\s*x\s*(?P<low_sign>>=?)\s*(?P<low>{_NUMBER})\s*")

# Shared by entries; annotations are evaluated with these names at hand.
QueriesAtOnce = Annotated[int | None, "x >= 1"]
Share = Annotated[float, "0 <= x <= 1"]
FreshSeeds = Annotated[int, "0 <= x <= 1000"]  # trainings from seeds of their own; 0 is the run's own
KinkWidth = Annotated[float, "0 <= x <= 100"]  # in bandwidths of Silverman's rule; 0 for none
Seed = Annotated[int, "0 <= x <= 4294967295"]
# Which steps the data weights count in; None for all (:mod:`hydra_steps.config.windows`).
Window = Annotated[
    dict[str, int] | None,
    {
        "anyOf": [
            {"type": "null"},
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["last_epochs"],
                "properties": {"last_epochs": {"type": "integer", "minimum": 1}},
            },
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["from_step"],
                "properties": {"from_step": {"type": "integer", "minimum": 0}},
            },
        ],
        "x-expected": "null, {last_epochs: 2} or {from_step: 100}",
    },
]
SomeMethods = Annotated[list[str] | None, {"uniqueItems": True}]  # labels that take part; None for all
NAMES: dict[str, Any] = {
    "Annotated": Annotated, "Any": Any, "Literal": Literal, "Mapping": Mapping, "Path": Path, "Sequence": Sequence,
    "QueriesAtOnce": QueriesAtOnce, "Share": Share, "Seed": Seed,
    "FreshSeeds": FreshSeeds,
    "KinkWidth": KinkWidth,
    "Window": Window,
    "SomeMethods": SomeMethods,
    **{kind.__name__: kind for kind in (int, float, bool, str, list, tuple, dict)},
}  # fmt: skip


def schema_of(annotation: Any) -> Schema:
    """Return the JSON schema of a type; TypeError for one that has none.

    >>> schema_of(list[int])
    {'type': 'array', 'items': {'type': 'integer'}}
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:  # first: one with a mapping in it cannot be looked up in a mapping
        return _constrained(schema_of(arguments[0]), arguments[1:])
    if annotation is Any:
        return {}
    if isinstance(annotation, type) and annotation in _PLAIN:
        return {"type": _PLAIN[annotation]}
    if origin is Literal:
        kinds = sorted({_PLAIN[type(value)] for value in arguments})
        return {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return _union([schema_of(one) for one in arguments])
    if origin in (list, Sequence, tuple) or _is_a(origin, Sequence):
        return _array(origin, arguments)
    if origin is dict or _is_a(origin, Mapping):
        return {"type": "object", "additionalProperties": schema_of(arguments[1])}
    if annotation in (list, tuple, dict):
        return {"type": "object" if annotation is dict else "array"}
    raise TypeError(f"{annotation!r} is no type that a configuration can hold")


def _is_a(origin: Any, kind: type) -> bool:
    return isinstance(origin, type) and issubclass(origin, kind)


def _array(origin: Any, arguments: tuple[Any, ...]) -> Schema:
    schema: Schema = {"type": "array", "items": schema_of(arguments[0]) if arguments else {}}
    if origin is tuple and len(arguments) > 1 and arguments[-1] is not Ellipsis:
        schema |= {"minItems": len(arguments), "maxItems": len(arguments)}
    return schema


def bounds_of(text: str) -> Schema:
    """Return the bounds of ``0 <= x < 1``; ValueError for anything else.

    >>> bounds_of("0 <= x < 1")
    {'minimum': 0, 'exclusiveMaximum': 1}
    """
    match = _ABOVE.fullmatch(text) or _BELOW.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no bound such as '0 <= x < 1' or 'x > 0'")
    found, bounds = match.groupdict(), {}
    if found["low"] is not None:
        bounds["minimum" if "=" in found["low_sign"] else "exclusiveMinimum"] = _number(found["low"])
    if found.get("high") is not None:
        bounds["maximum" if "=" in found["high_sign"] else "exclusiveMaximum"] = _number(found["high"])
    return bounds


def _number(text: str) -> float | int:
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text)


def _constrained(schema: Schema, constraints: Sequence[Any]) -> Schema:
    for constraint in constraints:
        schema = schema | (bounds_of(constraint) if isinstance(constraint, str) else dict(constraint))
    return schema


def _union(schemas: list[Schema]) -> Schema:
    """Merge ``T | None`` into one schema with two types; otherwise any of them."""
    null = {"type": "null"} in schemas
    others = [schema for schema in schemas if schema != {"type": "null"}]
    if len(others) == 1:
        merged = dict(others[0])
        if null and merged:
            own = merged.get("type", [])
            merged["type"] = [*([own] if isinstance(own, str) else own), "null"]
            if "enum" in merged:
                merged["enum"] = [*merged["enum"], None]
        return merged
    return {"anyOf": [*others, *([{"type": "null"}] if null else [])]}
