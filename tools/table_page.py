"""The page of tables, written from the registry: what each holds, its own columns, and what its metrics mean.

``python -m tools.table_page`` brings the section of ``docs/tables.md`` between its two marks up to date. The meaning of
the metrics is the docstring of the module that writes the table.
"""

from __future__ import annotations

from hydra_steps.registry import Entry, entries
from tools.catalogue import module_text
from tools.marks import PAGES, between, rewrite

PAGE = PAGES / "tables.md"
BEGIN, END = "<!-- tables: written by python -m tools.table_page -->", "<!-- end of tables -->"


def table_parts() -> str:
    """A part for each table, in the order of the report."""
    return "".join(map(_part, entries("table").values()))


def _part(table: Entry) -> str:
    also = "".join(f", `{name}`" for name in table.traits["also"])
    keys = ", ".join(f"`{key}`" for key in table.traits["keys"])
    own = f"\nColumns of its own: {keys}.\n" if keys else ""
    return f"\n## {table.title}\n\n`{table.name}.csv`{also}\n{own}\n{module_text(table.file)}\n"


def updated(text: str) -> str:
    """``text`` with the parts between its two marks; :class:`StudyError` where they are not there."""
    return between(text, BEGIN, END, table_parts(), "the tables")


if __name__ == "__main__":
    rewrite(PAGE, "python -m tools.table_page", __doc__, updated)
