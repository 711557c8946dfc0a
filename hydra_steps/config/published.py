"""The schema that editors and catalogues read: every study that can be written, whatever it chooses by name.

:func:`hydra_steps.config.schema.study_schema` is that of one study, which chooses one model, one noise and so on, and
gives better messages. Here each section that chooses something by name is an ``anyOf`` of the choices. What a plug-in
declares is allowed, with any options, as its file alone tells them.
"""

from __future__ import annotations

from typing import Any

import yaml

from hydra_steps.config.schema import method_schema, study_schema
from hydra_steps.config.study import Study
from hydra_steps.config.typed import Section, field_types, section_schema
from hydra_steps.registry import names
from hydra_steps.registry.entry import Schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def published_schema() -> Schema:
    """Return the JSON schema of all studies."""
    schema = study_schema()
    properties = schema["properties"]
    for name, kind in field_types(Study).items():
        if isinstance(kind, type) and issubclass(kind, Section):
            properties[name] = _section(kind)
    query = properties["queries"]["items"]
    del query["properties"]["kind"]["enum"]
    properties["queries"]["items"] = {"anyOf": [query, _of_a_plugin("query", "kind")]}
    methods = {name: method_schema(name) for name in names("method")}
    properties["methods"] |= {
        "properties": {name: _or_null(method) for name, method in methods.items()},
        # Under another label it says which method it is.
        "additionalProperties": {
            "anyOf": [
                *(
                    {"$ref": f"#/properties/methods/properties/{name}", "required": ["method"]}
                    for name in methods
                ),
                _of_a_plugin("method", "method"),
                {
                    "type": ["object", "null"],
                    "not": {"required": ["method"]},
                },  # the label is a plug-in's method
            ]
        },
    }
    plain: Schema = _for_everyone(schema)
    return {"$schema": DIALECT, "title": "A study of hydra-steps", **plain}


def schema_text() -> str:
    """Return the text of ``workflow/schemas/config.schema.yaml``."""
    head = "# What a study's file may hold. Written by: python -m hydra_steps.config --schema\n"
    return head + yaml.safe_dump(published_schema(), sort_keys=False, allow_unicode=True, width=110)


def _section(cls: type[Section]) -> Schema:
    """Return the schema of a section with all that it can choose."""
    if cls.chosen is None:
        return _with_sections(cls, section_schema(cls))
    kind, key = cls.chosen
    choices = []
    for name in names(kind):
        one = _with_sections(cls, section_schema(cls, {key: name}))
        default = one["properties"][key].pop("default", None)
        one["properties"][key] |= {"enum": [name]}
        choices.append(one if name == default else one | {"required": [*one.get("required", []), key]})
    return {"anyOf": [*choices, _of_a_plugin(kind, key)]}


def _with_sections(cls: type[Section], schema: Schema) -> Schema:
    for name, kind in field_types(cls).items():
        if isinstance(kind, type) and issubclass(kind, Section):
            schema["properties"][name] = _section(kind)
    return schema


def _of_a_plugin(kind: str, key: str) -> Schema:
    known = {"enum": names(kind)}
    return {"type": "object", "required": [key], "properties": {key: {"type": "string", "not": known}}}


def _or_null(schema: Schema) -> Schema:
    return schema | {"type": ["object", "null"]}


def _for_everyone(value: Any) -> Any:
    """Return a copy without what only this package's messages read (``x-…``), its patterns in the standard's form."""
    if isinstance(value, dict):
        return {
            key: inner.replace(r"\Z", "$")
            if key == "pattern" and isinstance(inner, str)
            else _for_everyone(inner)
            for key, inner in value.items()
            if not key.startswith("x-")
        }
    return [_for_everyone(inner) for inner in value] if isinstance(value, list) else value
