"""The page of tables is that of the registry."""

from __future__ import annotations

from hydra_steps.registry import names
from tools.table_page import PAGE, table_parts, updated


def test_the_page_is_up_to_date():
    text = PAGE.read_text(encoding="utf-8")
    assert updated(text) == text, "run python -m tools.table_page"


def test_every_table_has_a_part():
    parts = table_parts()
    assert not [name for name in names("table") if f"\n`{name}.csv`" not in parts]
    assert parts.count("\n## ") == len(list(names("table")))
