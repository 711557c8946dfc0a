"""What the pages show can be used as it stands: studies resolve, other YAML and all Python at least parse."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hydra_steps.config.resolve import resolve_study

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


STUDIES = [
    pytest.param(text, id=f"{page.stem}-{found['study']}")
    for page in PAGES
    for text in blocks(page, "yaml")
    if isinstance(found := yaml.safe_load(text), dict) and "study" in found
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A user's folder with the files that the pages speak of."""
    folder = tmp_path_factory.mktemp("user")
    # In a process of its own: it imports all of numpy, pandas and sklearn, and what these put into sys.path.
    subprocess.run([sys.executable, ROOT / "examples/own_data/make_data.py"], cwd=folder, check=True)
    (folder / "clinic").mkdir()
    shutil.copy(folder / "data/own/cancer.csv", folder / "clinic/patients.csv")
    network = next(
        block for block in blocks(ROOT / "docs/tutorial_model.md", "python") if "class Net" in block
    )
    (folder / "nets.py").write_text(network, encoding="utf-8")
    (folder / "pretrained.pt").write_bytes(b"some weights")
    return folder


def test_there_are_studies_on_the_pages_of_a_new_user() -> None:
    assert len(STUDIES) > 7


@pytest.mark.parametrize("text", STUDIES)
def test_studies_resolve(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "name: texts" in text:
        pytest.importorskip("tokenizers")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))
    asked = yaml.safe_load(text)
    assert resolve_study(asked, folder)["study"] == asked["study"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_parse(page: Path) -> None:
    for text in blocks(page, "yaml"):
        assert yaml.safe_load(text) is not None, text
    for text in blocks(page, "python"):
        ast.parse(text)
