"""What the library asks of Snakemake's plan has names that are not private."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [
    *(ROOT / "hydra_steps").rglob("*.py"),
    *(ROOT / "workflow").rglob("*.smk"),
    ROOT / "workflow/Snakefile",
]
PRIVATE = re.compile(r"\b(?:workflow|dag|job|rule|scheduler|persistence)\._[a-z]\w*")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_private_member_of_snakemakes_is_used(file: Path) -> None:
    assert PRIVATE.findall(file.read_text(encoding="utf-8")) == []
