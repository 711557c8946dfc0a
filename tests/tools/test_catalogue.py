"""The page of methods is that of the registry, and says everything about each method."""

from __future__ import annotations

import pytest
import yaml

from hydra_steps.errors import StudyError
from hydra_steps.registry import names
from tools.catalogue import NOTES, PAGE, method_parts, method_table, updated


def test_the_page_is_up_to_date():
    text = PAGE.read_text(encoding="utf-8")
    assert updated(text) == text, "run python -m tools.catalogue"


def test_every_method_of_the_schema_has_a_full_row():
    rows = [[cell.strip() for cell in line.split(" | ")] for line in method_table().splitlines()[2:]]
    assert sorted(row[0].strip("| ").split("`")[1] for row in rows) == sorted(names("method"))
    assert all(all(cell.strip("| ") for cell in row) and len(row) == 6 for row in rows)


def test_without_marks_nothing_is_written():
    with pytest.raises(StudyError, match="no marks"):
        updated("# A page")


def test_every_method_says_what_it_assumes_and_when_it_misleads():
    notes = yaml.safe_load(NOTES.read_text(encoding="utf-8"))
    assert sorted(notes) == sorted(names("method"))
    assert all(set(note) == {"assumes", "misleads"} and all(note.values()) for note in notes.values())
    parts = method_parts()
    assert parts.count("\n## ") == len(notes)
    assert "```text\n    c[q, n] = −∂f_q/∂w_n  at  w = (1 − α) · 1\n```" in parts
    assert ":func:" not in parts
