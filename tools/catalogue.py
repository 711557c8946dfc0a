"""The README's table of methods, written from the registry: what each computes, needs and costs, and when to use it.

``python -m tools.catalogue`` brings the section of ``README.md`` between its two marks up to date.
"""

from __future__ import annotations

from hydra_steps.registry import Entry, entries
from tools.marks import between, rewrite_readme

BEGIN, END = "<!-- methods: written by python -m tools.catalogue -->", "<!-- end of methods -->"
_HEAD = "| method | what it computes | needs | cost | unit | when to use it |\n|---|---|---|---|---|---|\n"


def method_table() -> str:
    """The table in Markdown: all methods, those with a unit first, each group by name."""
    methods = sorted(entries("method").values(), key=lambda one: (one.traits["unit"] != "query", one.name))
    return _HEAD + "".join(map(_row, methods))


def _row(method: Entry) -> str:
    told = method.traits
    needs = "; ".join([told["needs"], *([", ".join(told["libraries"])] if told["libraries"] else [])])
    unit = "the query's" if told["unit"] == "query" else told["unit"]
    cells = (f"`{method.name}`", told["computes"], needs, told["cost"], unit, told["use"])
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def updated(text: str) -> str:
    """``text`` with the table between its two marks; :class:`StudyError` where they are not there."""
    return between(text, BEGIN, END, method_table(), "the table of methods")


if __name__ == "__main__":
    rewrite_readme("python -m tools.catalogue", __doc__, updated)
