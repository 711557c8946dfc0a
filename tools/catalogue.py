"""The README's table of methods, written from the registry: what each computes, needs and costs, and when to use it.

``python -m tools.catalogue`` brings the section of ``README.md`` between its two marks up to date.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from hydra_steps.errors import StudyError
from hydra_steps.registry import Entry, entries

README = Path(__file__).parents[1] / "README.md"
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
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise StudyError("the README has no marks for the table of methods", f"{BEGIN} and {END}")
    return f"{before}{BEGIN}\n{method_table()}{END}{after}"


def main() -> None:
    argparse.ArgumentParser(
        prog="python -m tools.catalogue",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
