"""The README's table of methods is that of the registry, and says everything about each method."""

from __future__ import annotations

import pytest

from hydra_steps.errors import StudyError
from hydra_steps.registry import names
from tools.catalogue import method_table, updated
from tools.marks import README


def test_the_readme_is_up_to_date():
    text = README.read_text(encoding="utf-8")
    assert updated(text) == text, "run python -m tools.catalogue"


def test_every_method_of_the_schema_has_a_full_row():
    rows = [[cell.strip() for cell in line.split(" | ")] for line in method_table().splitlines()[2:]]
    assert sorted(row[0].strip("|` ") for row in rows) == sorted(names("method"))
    assert all(all(cell.strip("| ") for cell in row) and len(row) == 6 for row in rows)


def test_without_marks_nothing_is_written():
    with pytest.raises(StudyError, match="no marks"):
        updated("# A page")
