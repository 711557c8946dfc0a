"""The text of ``config/README.md``, made from the sections and the registry: every key with its meaning, default and
allowed values, and everything that can be chosen by name with its options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hydra_steps.config.extras import INSTALL
from hydra_steps.config.schema import study_schema
from hydra_steps.config.study import Study
from hydra_steps.config.typed import Section, field_types, section_of
from hydra_steps.config.validate import bounds, shown, types
from hydra_steps.registry import Entry, entries
from hydra_steps.registry.entry import Schema

_HEAD = """\
# Configuration

<!-- Written by `make docs` from the settings' fields and from what is registered by name. -->

One YAML file in this folder is one study. Run it with `make study CONFIG=config/<file>.yaml`, or with
`snakemake --cores all --configfile config/<file>.yaml`. Every key may be left out; its default then holds.
A study is checked when Snakemake reads it: an unknown key or a value that is not allowed ends with one
message before any work is done. The complete study, with all defaults, is written to
`<results>/<study>/config.yaml`.

A study may bring datasets, models, methods, figures and more of its own: `plugins: [my_study.py]`, a file beside
the YAML. `example_plugin.yaml` and `example_plugin.py` show one of each kind.
"""
_TABLE = "| key | meaning | default | allowed |\n|---|---|---|---|\n"
_CHOICES = "| {name} | what it is | options |\n|---|---|---|\n"
_APART = ("methods", "variants", "evaluations")


def document() -> str:
    """Return the whole page."""
    schema = study_schema()["properties"]
    kinds = field_types(Study)
    plain = {
        k: s
        for k, s in schema.items()
        if not _is_section(s) and k not in (*_APART, "queries") and section_of(kinds.get(k)) is None
    }
    parts = [_HEAD, "## The study\n\n" + _TABLE + "".join(_rows(plain, ""))]
    for name, one in schema.items():
        if name == "queries":
            rows = "".join(_rows(one["items"]["properties"], ""))
            parts.append(f"## Entries of `queries`\n\n{_TABLE}{rows}\n{_choices('query', 'kind')}")
        elif name == "methods":
            parts.append(_methods(one))
        elif name == "variants":
            parts.append(_variants(one))
        elif _is_section(one):
            parts.append(_section(name, one, kinds.get(name)))
    return "\n".join(parts)


def _section(name: str, schema: Schema, kind: type[Section] | None) -> str:
    rows = "".join(_rows(schema["properties"], f"{name}.", kind))
    text = f"## `{name}`\n\n{schema['description']}\n\n{_TABLE}{rows}"
    for key, chosen in _chosen(kind, name):
        text += f"\n{_choices(chosen, key)}"
    return text


def _chosen(kind: type[Section] | None, name: str) -> Iterator[tuple[str, str]]:
    """Yield (dotted key, kind of entry) of what a section and its sections choose by name."""
    if kind is None:
        return
    if kind.chosen is not None:
        yield f"{name}.{kind.chosen[1]}", kind.chosen[0]
    for key, inner in field_types(kind).items():
        if isinstance(inner, type) and issubclass(inner, Section):
            yield from _chosen(inner, f"{name}.{key}")


def _choices(kind: str, key: str) -> str:
    rows = "".join(
        f"| `{entry.name}` | {_escaped(_words(entry))} | {_options(entry)} |\n"
        for entry in entries(kind).values()
    )
    return _CHOICES.format(name=f"`{key}`") + rows


def _words(entry: Entry) -> str:
    return entry.summary or entry.title


def _options(entry: Entry) -> str:
    return "<br>".join(
        f"`{key}`: {sub['description']} Default `{shown(sub.get('default'))}`; {_allowed(sub)}."
        for key, sub in entry.options.items()
    )


def _methods(schema: Schema) -> str:
    lines = [f"## `methods`\n\n{schema['description']}\n\n", _CHOICES.format(name="method")]
    for name, entry in sorted(entries("method").items()):
        library = f" Needs `{INSTALL}`." if entry.traits["libraries"] else ""
        lines.append(f"| `{name}` | {_escaped(_words(entry))}{library} | {_options(entry)} |\n")
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


def _rows(properties: Mapping[str, Schema], prefix: str, kind: type[Section] | None = None) -> Iterator[str]:
    """Yield a row a key; options of what is chosen by name stand in a table of their own."""
    own = field_types(kind) if kind is not None else {}
    for key, schema in properties.items():
        if kind is not None and kind.chosen is not None and key not in own:
            continue
        if _is_section(schema):
            yield from _rows(schema["properties"], f"{prefix}{key}.", own.get(key))
            continue
        inner = schema.get("additionalProperties")
        if isinstance(inner, dict) and _is_section(inner):
            yield f"| `{prefix}{key}` | {schema['description']} | `{{}}` | mapping by name |\n"
            yield from _rows(inner["properties"], f"{prefix}{key}.<name>.")
            continue
        default = f"`{_default(schema['default'])}`" if "default" in schema else ""
        yield f"| `{prefix}{key}` | {_escaped(schema.get('description', ''))} | {default} | {_allowed(schema)} |\n"
        items = schema.get("items")
        if isinstance(items, dict) and _is_section(items):
            yield from _rows(items["properties"], f"{prefix}{key}[].")


def _is_section(schema: Schema) -> bool:
    return "properties" in schema


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _default(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_default(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_default(v)}" for k, v in value.items()) + "}"
    return value if isinstance(value, str) else shown(value)


def _allowed(schema: Schema) -> str:
    if "x-expected" in schema:
        return str(schema["x-expected"])
    if "enum" in schema:
        return ", ".join(f"`{'null' if v is None else v}`" for v in schema["enum"])
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
