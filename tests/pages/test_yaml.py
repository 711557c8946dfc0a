"""What the pages show can be used as it stands: studies resolve, other YAML and all Python at least parse."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from hydra_steps.config.resolve import resolve_study
from tests.helpers.schema import fits_schema
from tests.pages.blocks import PAGES, ROOT, blocks, studies

FRAGMENTS = [
    pytest.param(found, id=f"{page.stem}-{number}")
    for page in (*PAGES, ROOT / "config/README.md")
    for number, text in enumerate(blocks(page, "yaml"))
    if "study" not in (found := yaml.safe_load(text))
]


# Their data are read for the other studies already; `make nightly` runs these two.
SAME_DATA = ("my_table", "my_audit")


def test_there_are_studies_on_the_pages_of_a_new_user() -> None:
    assert len(studies()) > 7
    assert len(FRAGMENTS) > 9


@pytest.mark.parametrize("text", studies().values(), ids=studies())
def test_studies_resolve(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "name: texts" in text:
        pytest.importorskip("tokenizers")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))
    asked = yaml.safe_load(text)
    if asked["study"] in SAME_DATA:
        fits_schema(asked)
        return
    assert resolve_study(asked, folder)["study"] == asked["study"]


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_parts_of_studies_fit_the_schema(fragment: dict[str, object]) -> None:
    fits_schema(fragment)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_parses(page: Path) -> None:
    for text in blocks(page, "python"):
        ast.parse(text)
