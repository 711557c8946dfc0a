"""The text of ``config/README.md``, made from the schema: every key with its meaning, default and allowed
values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hydra_steps.config.extras import INSTALL
from hydra_steps.config.schema import Schema, method_schemas, study_schema
from hydra_steps.config.validate import bounds, shown, types

_HEAD = """\
# Configuration

<!-- Generated from workflow/schemas/study.schema.yaml by `python -m hydra_steps.config --document`. -->

One YAML file in this folder is one study. Run it with `make study CONFIG=config/<file>.yaml`, or with
`snakemake --cores all --configfile config/<file>.yaml`. Every key may be left out; its default then holds.
A study is checked when Snakemake reads it: an unknown key or a value that is not allowed ends with one
message before any work is done. The complete study, with all defaults, is written to
`<results>/<study>/config.yaml`.
"""
_TABLE = "| key | meaning | default | allowed |\n|---|---|---|---|\n"


def document() -> str:
    """Return the whole page."""
    properties = study_schema()["properties"]
    plain = {k: s for k, s in properties.items() if not _is_section(s) and k not in ("methods", "variants")}
    parts = [_HEAD, "## The study\n\n" + _TABLE + "".join(_rows(plain, ""))]
    for name, schema in properties.items():
        if _is_section(schema):
            parts.append(_section(name, schema))
        elif name == "queries":
            parts.append(
                "## Entries of `queries`\n\n" + _TABLE + "".join(_rows(schema["items"]["properties"], ""))
            )
        elif name == "methods":
            parts.append(_methods(schema))
        elif name == "variants":
            parts.append(_variants(schema))
    return "\n".join(parts)


def _section(name: str, schema: Schema) -> str:
    rows = "".join(_rows(schema["properties"], f"{name}."))
    return f"## `{name}`\n\n{schema['description']}\n\n{_TABLE}{rows}"


def _methods(schema: Schema) -> str:
    lines = [f"## `methods`\n\n{schema['description']}\n\n| method | what it is | options |\n|---|---|---|\n"]
    for name, options in method_schemas().items():
        keys = "<br>".join(
            f"`{key}`: {sub['description']} Default `{shown(sub.get('default'))}`; {_allowed(sub)}."
            for key, sub in options["properties"].items()
        )
        library = f" Needs `{INSTALL}`." if options.get("x-needs") else ""
        lines.append(f"| `{name}` | {options['description']}{library} | {keys} |\n")
    default = "\n".join(f"  {label}: {shown(options)}" for label, options in schema["default"].items())
    return "".join(lines) + f"\nThe default is\n\n```yaml\nmethods:\n{default}\n```\n"


def _variants(schema: Schema) -> str:
    return f"""\
## `variants`

{schema["description"]}

```yaml
variants:
  tanh: {{model: {{name: lenet5_tanh}}}}
  relu: {{model: {{name: lenet5_relu}}}}
```
"""


def _rows(properties: dict[str, Schema], prefix: str) -> Iterator[str]:
    for key, schema in properties.items():
        if _is_section(schema):
            yield from _rows(schema["properties"], f"{prefix}{key}.")
            continue
        inner = schema.get("additionalProperties")
        if isinstance(inner, dict) and _is_section(inner):
            yield f"| `{prefix}{key}` | {schema['description']} | `{{}}` | mapping by name |\n"
            yield from _rows(inner["properties"], f"{prefix}{key}.<name>.")
            continue
        default = f"`{_default(schema['default'])}`" if "default" in schema else ""
        yield f"| `{prefix}{key}` | {schema['description']} | {default} | {_allowed(schema)} |\n"


def _is_section(schema: Schema) -> bool:
    return "properties" in schema


def _default(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_default(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_default(v)}" for k, v in value.items()) + "}"
    return value if isinstance(value, str) else shown(value)


def _allowed(schema: Schema) -> str:
    if "x-expected" in schema:
        return schema["x-expected"]
    if "enum" in schema:
        return ", ".join(f"`{v}`" for v in schema["enum"])
    words = {
        "integer": "whole number",
        "boolean": "true, false",
        "string": "text",
        "object": "mapping",
        "array": "list",
    }
    text = " or ".join(words.get(t, t) for t in types(schema))
    inner = schema.get("items")
    if inner and not _is_section(inner):
        text += f" of ({_allowed(inner)})"
    return text + (f", {bounds(schema)}" if bounds(schema) else "")
