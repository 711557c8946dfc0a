"""The schema of a study, derived from its sections and from what it chooses by name; and the filling in of defaults.

Nothing is typed twice: the keys, types, bounds, defaults and sentences of the fixed sections are the fields of
:mod:`hydra_steps.config.study`, those of a dataset, model, method, … the declaration of that entry. ``fill`` adds
what a study leaves out, and brings numbers into one form (1 and 1.0 are the same number, and must not make a job run
again).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from hydra_steps.config.sections import RUN_SECTIONS
from hydra_steps.config.study import DEFAULT_METHODS, Method, QuerySpec, Study
from hydra_steps.config.typed import Section, chosen_entry, field_types, section_of, section_schema
from hydra_steps.registry import entries, find
from hydra_steps.registry.entry import Entry, Schema

NAME = r"^[A-Za-z0-9][A-Za-z0-9_]{0,99}\Z"


def study_schema(raw: Any = None) -> Schema:
    """Return the JSON schema of a study that chooses by name what ``raw`` does (by default, the defaults).

    The options of methods have schemas of their own (:func:`method_schema`), as their labels are a study's own.
    """
    raw = raw if isinstance(raw, Mapping) else {}
    schema = section_schema(Study, raw)
    properties: dict[str, Schema] = {}
    for name in field_types(Study):
        if name == "evaluations":
            properties |= {entry.name: evaluation_schema(entry) for entry in evaluation_sections()}
        else:
            properties[name] = schema["properties"][name]
    properties["queries"]["items"] = query_schema()
    properties["methods"] |= {
        "minProperties": 1,
        "default": {name: {} for name in DEFAULT_METHODS},
        "propertyNames": {"pattern": NAME},
        "additionalProperties": {"type": ["object", "null"]},
    }
    properties["counterfactual"]["properties"]["designs"]["propertyNames"] = {
        "pattern": rf"^(?!groups\Z){NAME[1:]}"
    }
    properties["variants"] |= {
        "propertyNames": {"pattern": NAME},
        "additionalProperties": {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: {"type": "object"} for name in RUN_SECTIONS},
        },
    }
    return schema | {"properties": properties}


def section_of_run(name: str, plain: Any) -> Schema:
    """Return the schema of one of the sections that decide a run, by what ``plain`` values of it choose."""
    return section_schema(field_types(Study)[name], plain)


def evaluation_sections() -> list[Entry]:
    """Return the tables that have options, and so a section of their own."""
    return [entry for entry in entries("table").values() if entry.options]


def evaluation_schema(entry: Entry) -> Schema:
    """Return the schema of a table's section."""
    return {
        "type": "object",
        "additionalProperties": False,
        "description": entry.summary,
        "properties": {name: dict(schema) for name, schema in entry.options.items()},
    }


def query_schema() -> Schema:
    """Return the schema of one entry of ``queries``: with the options of all kinds, which one takes is looked at later
    (:func:`hydra_steps.queries.expansion.with_defaults`)."""
    schema = section_schema(QuerySpec)
    schema["properties"]["kind"]["enum"] = list(entries("query"))
    for entry in entries("query").values():
        for name, option in entry.options.items():
            words = {"description": f"Of {entry.name}: {option['description']}"}
            bare = {key: value for key, value in option.items() if key != "default"}
            schema["properties"].setdefault(name, bare | words)
    return schema


def method_schema(name: str) -> Schema:
    """Return the schema of one method's entry in a study: its options, and ``method`` itself."""
    entry = find("method", name)
    schema = section_schema(Method, {"method": name})
    return schema | {"description": entry.summary, "x-needs": list(entry.traits["libraries"])}


def unquote(value: Any, schema: Schema) -> Any:
    """Return a copy of ``value`` with texts read as the numbers, truth values or nulls that ``schema`` asks for.

    YAML reads ``1e-3`` as a text, and values given on Snakemake's command line arrive as texts.
    """
    if isinstance(value, dict):
        keys, extra = schema.get("properties", {}), schema.get("additionalProperties")
        extra = extra if isinstance(extra, dict) else {}
        for choice in schema.get("anyOf", []):
            keys = {**keys, **choice.get("properties", {})}
        return {key: unquote(sub, keys.get(key, extra)) for key, sub in value.items()}
    if isinstance(value, list):
        return [unquote(item, schema.get("items", {})) for item in value]
    kinds = schema.get("type", ["string"])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not isinstance(value, str) or "string" in kinds:
        return value
    words: dict[str, bool | None] = {"true": True, "false": False} if "boolean" in kinds else {}
    words |= {"null": None} if "null" in kinds else {}
    if value.lower() in words:
        return words[value.lower()]
    try:
        return (
            (float(value) if "number" in kinds else int(value)) if {"number", "integer"} & {*kinds} else value
        )
    except ValueError:
        return value


def fill(value: Any, schema: Schema, defaults: bool = True) -> Any:
    """Return a copy of ``value`` with the defaults of ``schema`` filled in and its numbers in one form.

    ``value`` has been validated. Keys come out in the order of the schema, so that the result is the same for
    every order in which a study is written. With ``defaults`` false nothing is added.
    """
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        filled = {}
        for key, sub in properties.items():
            if key in value:
                filled[key] = fill(value[key], sub, defaults)
            elif not defaults:
                continue
            elif "default" in sub:
                filled[key] = fill(copy.deepcopy(sub["default"]), sub)
            elif "properties" in sub:
                filled[key] = fill({}, sub)
        extra = schema.get("additionalProperties")
        for key in value:
            if key not in properties:
                filled[key] = (
                    fill(value[key], extra, defaults)
                    if isinstance(extra, dict)
                    else copy.deepcopy(value[key])
                )
        return filled
    if isinstance(value, list):
        return [fill(item, schema.get("items", {}), defaults) for item in value]
    return _number(value, schema)


def merge_section(cls: type[Section], base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values of a section with ``override`` over ``base``; what is no section is replaced whole.

    Where ``override`` chooses another entry, options of ``base`` that the new one does not have are left out.
    """
    kinds = field_types(cls)
    merged = dict(base)
    if cls.chosen is not None and cls.chosen[1] in override:
        entry = chosen_entry(cls, override)
        if entry is not None and entry != chosen_entry(cls, base):
            merged = {key: value for key, value in merged.items() if key in kinds or key in entry.options}
    for key, value in override.items():
        inner, old = section_of(kinds.get(key)), merged.get(key)
        if inner is not None and isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = merge_section(inner, old, value)
        else:
            merged[key] = value
    return merged


def _number(value: Any, schema: Schema) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if "integer" in types:
        return int(value)
    return float(value) if "number" in types else value
