"""Settings as typed objects, whose fields are their schema: from plain values to objects and back.

*Plain* values are what YAML and JSON hold; a *schema* says which are allowed; a :class:`Section` is a frozen
dataclass made of plain values that were checked.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, ClassVar, Self, get_args, get_origin, get_type_hints

from hydra_steps.registry import entries
from hydra_steps.registry.docstrings import read_docstring
from hydra_steps.registry.entry import Entry, Schema
from hydra_steps.registry.types import schema_of

Plain = dict[str, Any]


class Section:
    """A part of the settings. ``chosen``: (kind, key) where one of its keys names an entry of the registry, whose
    options stand beside the section's own keys in plain values, and in the field ``options``.
    """

    chosen: ClassVar[tuple[str, str] | None] = None
    sparse: ClassVar[bool] = False  # keys whose default is None are left out of plain values

    @classmethod
    def defaults_of(cls, entry: Entry) -> Plain:
        """Return the defaults of the section's own keys that are others where ``entry`` is chosen."""
        return {}

    @classmethod
    def of(cls, plain: Plain) -> Self:
        """Return the section of checked plain values; keys that are left out take their defaults."""
        kinds = field_types(cls)
        given = plain | {
            name: {} for name, kind in kinds.items() if section_of(kind) is kind and name not in plain
        }
        values = {
            name: _built(kinds[name], given[name]) for name in kinds if name in given and name != "options"
        }
        if cls.chosen is not None:
            entry = chosen_entry(cls, plain)
            defaults = entry.defaults() if entry else {}
            values["options"] = defaults | {k: v for k, v in plain.items() if k not in kinds}
        return cls(**values)

    def plain(self) -> dict[str, Any]:
        """Return plain values, in the order of the schema."""
        values: dict[str, Any] = {}
        for name in field_types(type(self)):
            value = getattr(self, name)
            if name == "options" and self.chosen is not None:
                values |= _plain(value)
            elif value is not None or not self.sparse:
                values[name] = _plain(value)
        return values


# Read once for each section; no functools.cache, which takes no type[Section] as hashable when types are checked.
_FIELD_TYPES: dict[type[Section], dict[str, Any]] = {}
_ANNOTATIONS: dict[type[Section], dict[str, Any]] = {}


def chosen_entry(cls: type[Section], plain: Mapping[str, Any]) -> Entry | None:
    """Return the entry that plain values of a section choose; None for an unknown one, or where a section chooses
    none."""
    if cls.chosen is None:
        return None
    kind, key = cls.chosen
    name = plain.get(key, _default(cls, key))
    return entries(kind).get(name) if isinstance(name, str) else None


def section_schema(cls: type[Section], plain: Any = None) -> Schema:
    """Return the JSON schema of a section that chooses what ``plain`` values choose (by default, the defaults)."""
    plain = plain if isinstance(plain, Mapping) else {}
    words = read_docstring(inspect.getdoc(cls))
    properties: dict[str, Schema] = {}
    for name, kind in field_types(cls).items():
        if name == "options" and cls.chosen is not None:
            continue
        schema = _schema(cls, name, kind, plain.get(name))
        if words.options.get(name):
            schema["description"] = words.options[name]
        if cls.chosen is not None and name == cls.chosen[1]:
            schema["enum"] = list(entries(cls.chosen[0]))
        properties[name] = schema
    entry = chosen_entry(cls, plain)
    required = [f.name for f in _fields(cls) if f.default is MISSING and f.default_factory is MISSING]
    if entry is not None:
        properties |= {name: dict(schema) for name, schema in entry.options.items()}
        required += [name for name in entry.options if name not in entry.defaults()]
        for name, default in cls.defaults_of(entry).items():
            properties[name] = properties[name] | {"default": default}
    schema = {
        "type": "object",
        "additionalProperties": False,
        "description": words.summary,
        "properties": properties,
    }
    return schema | ({"required": required} if required else {})


def field_types(cls: type[Section]) -> dict[str, Any]:
    """Return the fields' types, in their order."""
    if cls not in _FIELD_TYPES:
        hints = get_type_hints(cls)
        _FIELD_TYPES[cls] = {one.name: hints[one.name] for one in _fields(cls)}
    return _FIELD_TYPES[cls]


def section_of(kind: Any) -> type[Section] | None:
    """Return the section that a type is, or is a list or a mapping of."""
    inner = get_args(kind)[-1] if get_origin(kind) in (list, dict) else kind
    return inner if isinstance(inner, type) and issubclass(inner, Section) else None


def _schema(cls: type[Section], name: str, kind: Any, plain: Any) -> Schema:
    inner = section_of(kind)
    if inner is None:
        schema = schema_of(_annotations(cls)[name])
        if cls.sparse and _default(cls, name) is None:
            schema["type"] = next(one for one in schema["type"] if one != "null")
            return schema | (
                {"enum": [one for one in schema["enum"] if one is not None]} if "enum" in schema else {}
            )
        return {**schema, **_default_of(cls, name)}
    if inner is kind:
        return section_schema(inner, plain)
    if get_origin(kind) is list:
        least = 0 if _default(cls, name) == [] else 1
        return {"type": "array", "items": section_schema(inner), "minItems": least, **_default_of(cls, name)}
    return {"type": "object", "additionalProperties": section_schema(inner), **_default_of(cls, name)}


def _built(kind: Any, value: Any) -> Any:
    inner = section_of(kind)
    if inner is None:
        return value
    if get_origin(kind) is list:
        return [inner.of(one) for one in value]
    if get_origin(kind) is dict:
        return {name: inner.of(one) for name, one in value.items()}
    return value if isinstance(value, inner) else inner.of(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Section):
        return value.plain()
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _annotations(cls: type[Section]) -> dict[str, Any]:
    if cls not in _ANNOTATIONS:
        _ANNOTATIONS[cls] = get_type_hints(cls, include_extras=True)
    return _ANNOTATIONS[cls]


def _fields(cls: type[Section]) -> tuple[Field[Any], ...]:
    return fields(cls)  # type: ignore[arg-type]  # every section is a dataclass


def _default(cls: type[Section], name: str) -> Any:
    one = next(f for f in _fields(cls) if f.name == name)
    return one.default_factory() if one.default_factory is not MISSING else one.default


def _default_of(cls: type[Section], name: str) -> Schema:
    default = _default(cls, name)
    return {} if default is MISSING else {"default": _plain(default)}
