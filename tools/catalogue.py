"""The page of methods, written from the registry: what each computes, its equation, needs, cost, and when to use it.

``python -m tools.catalogue`` brings the section of ``docs/methods.md`` between its two marks up to date: a table of
all methods, and a part for each. The equation is the docstring of the method's module; what it assumes and when it
misleads stands in ``tools/method_notes.yaml``.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hydra_steps.registry import Entry, entries
from tools.marks import PAGES, between, rewrite

PAGE = PAGES / "methods.md"
NOTES = Path(__file__).with_name("method_notes.yaml")
BEGIN, END = "<!-- methods: written by python -m tools.catalogue -->", "<!-- end of methods -->"
_HEAD = "| method | what it computes | needs | cost | unit | when to use it |\n|---|---|---|---|---|---|\n"
# Roles of Sphinx in docstrings, such as :func:`reverse_sweep`, become code; the last part of a dotted name is enough.
_ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")


def method_table() -> str:
    """The table in Markdown: all methods, those with a unit first, each group by name."""
    return _HEAD + "".join(map(_row, _methods()))


def method_parts(notes: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """A part for each method: equation and source, cost, what it assumes, when it misleads, its options."""
    told = yaml.safe_load(NOTES.read_text(encoding="utf-8")) if notes is None else notes
    return "".join(_part(method, told[method.name]) for method in _methods())


def _methods() -> list[Entry]:
    return sorted(entries("method").values(), key=lambda one: (one.traits["unit"] != "query", one.name))


def _row(method: Entry) -> str:
    told = method.traits
    cells = (
        f"[`{method.name}`](#{method.name})", told["computes"], _needs(told), told["cost"], _unit(told), told["use"]
    )  # fmt: skip
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _needs(told: Mapping[str, Any]) -> str:
    return "; ".join([told["needs"], *([", ".join(told["libraries"])] if told["libraries"] else [])])


def _unit(told: Mapping[str, Any]) -> str:
    return "the query's" if told["unit"] == "query" else str(told["unit"])


def _part(method: Entry, notes: Mapping[str, str]) -> str:
    told = method.traits
    rows = "".join(
        f"- `{name}` (`{_shown(one)}`): {one['description']}\n" for name, one in method.options.items()
    )
    options = f"\nOptions, with their defaults:\n\n{rows}" if rows else ""
    return f"""
## {method.name}

{method.summary}

- **Use it for**: {told["use"]}.
- **Cost**: {told["cost"]}. **Needs**: {_needs(told)}. **Unit**: {_unit(told)}.
- **Assumes**: {notes["assumes"]}
- **Misleads when**: {notes["misleads"]}

{module_text(method.file)}
{options}"""


def _shown(option: Mapping[str, Any]) -> str:
    return json.dumps(option.get("default"), ensure_ascii=False)


def module_text(file: Path) -> str:
    """The docstring of a module in Markdown: indented lines (equations) and roles as code, nothing about imports."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    text = re.sub(r"\s*Torch-free\.", "", text)
    blocks = re.split(r"\n\n+", _ROLE.sub(r"`\1`", text).replace("``", "`"))
    return "\n\n".join(
        f"```text\n{block.rstrip()}\n```" if block.startswith("    ") else block for block in blocks
    )


def updated(text: str) -> str:
    """``text`` with table and parts between its two marks; :class:`StudyError` where they are not there."""
    return between(text, BEGIN, END, method_table() + method_parts(), "the methods")


if __name__ == "__main__":
    rewrite(PAGE, "python -m tools.catalogue", __doc__, updated)
