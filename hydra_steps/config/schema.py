"""The schema of a study, with its references resolved, and the filling in of its defaults.

The schema file is the one place that knows the keys, their defaults and their bounds. Here it becomes one
plain nested dict; ``fill`` adds what a study leaves out, and brings numbers into one form (1 and 1.0 are the
same number, and must not make a job run again).
"""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Schema = dict[str, Any]
SCHEMA_FILE = Path(__file__).parents[2] / "workflow" / "schemas" / "study.schema.yaml"


@cache
def study_schema() -> Schema:
    """Return the schema of a study, every ``$ref`` replaced by what it names; not to be changed."""
    raw = _load(SCHEMA_FILE)
    return _resolved({k: v for k, v in raw.items() if k != "$defs"}, raw["$defs"])


@cache
def method_schemas() -> dict[str, Schema]:
    """Return the schema of the options of each method, by the method's name."""
    definitions = _load(SCHEMA_FILE)["$defs"]
    return {name: _resolved(s, definitions) for name, s in definitions["method_options"].items()}


def method_schema(name: str) -> Schema:
    """Return the schema of one method's entry in a study: its options, and ``method`` itself."""
    schema = copy.deepcopy(method_schemas()[name])
    schema["properties"]["method"] = {
        "type": "string",
        "enum": sorted(method_schemas()),
        "default": name,
        "description": "Name of the method, where the label is another.",
    }
    return schema


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


def merge(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``override`` merged over it, section by section; lists and values are replaced
    whole."""
    merged = dict(base)
    for key, value in override.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _number(value: Any, schema: Schema) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if "integer" in types:
        return int(value)
    return float(value) if "number" in types else value


def _load(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8") as file:
        return yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _resolved(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, dict):
        if "$ref" in node:
            return _resolved(definitions[node["$ref"].removeprefix("#/$defs/")], definitions)
        return {key: _resolved(sub, definitions) for key, sub in node.items()}
    if isinstance(node, list):
        return [_resolved(sub, definitions) for sub in node]
    return node
