"""The README and the pages in docs/ say what is there: quoted code, commands, files."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from tools.notebooks import text_of

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKED = [*PAGES, ROOT / "config" / "README.md", *sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))]
MODULE = re.compile(r"\bpython3? -m ([\w.]+)")
TARGET = re.compile(r"\bmake ([a-z]+)\b")
LINK = re.compile(r"\]\(([^)\s]+)\)")
# Python's own, or installed with the tests.
OTHERS = ("venv", "pip", "pytest")


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(page: Path) -> str:
    """The parts of a page that are set as code, one a line; an inline one may go on in the next line."""
    text = page.read_text(encoding="utf-8")
    fenced = re.findall(r"^```.*?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    inline = [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)]
    return "\n".join([*fenced, *inline])


def snakemake_lines() -> list[str]:
    return [
        line.split("#")[0]
        for page in PAGES
        for line in commands(page).splitlines()
        if re.match(r"snakemake\b", line)
    ]


@pytest.mark.parametrize(("language", "suffix"), [("python", "py"), ("yaml", "yaml")])
def test_what_the_page_of_plugins_quotes_stands_in_the_example(language: str, suffix: str) -> None:
    example = (ROOT / "config" / f"example_plugin.{suffix}").read_text(encoding="utf-8")
    quoted = blocks((ROOT / "docs" / "plugins.md").read_text(encoding="utf-8"), language)
    assert quoted
    assert not [block for block in quoted if block not in example]


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_targets_of_make_exist(page: Path) -> None:
    known = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert not set(TARGET.findall(commands(page))) - known


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_modules_that_are_run_exist(page: Path) -> None:
    named = {name for name in MODULE.findall(page.read_text(encoding="utf-8")) if name not in OTHERS}
    for name in sorted(named):
        module = importlib.util.find_spec(name)
        assert module is not None, name
        if module.submodule_search_locations is not None:
            assert importlib.util.find_spec(f"{name}.__main__") is not None, name


def test_something_is_looked_at() -> None:
    text = "\n".join(map(commands, PAGES))
    assert {"study", "test", "docs"} <= set(TARGET.findall(text))
    assert {"tools.verdicts", "tools.catalogue", "tools.reference"} <= set(MODULE.findall(text))
    assert len(snakemake_lines()) > 3


def test_targets_of_snakemake_stand_before_the_study() -> None:
    """Snakemake takes what follows a file of the configuration for another one."""
    for line in snakemake_lines():
        after = line.partition("--configfile ")[2].split()
        assert all(word.startswith("-") for word in after[1:2]), line


@pytest.mark.parametrize("page", LINKED, ids=ids)
def test_links_lead_to_files(page: Path) -> None:
    links = [link.split("#")[0] for link in LINK.findall(text_of(page))]
    inside = [link for link in links if link and "://" not in link and not link.startswith("data:")]
    assert not [link for link in inside if not (page.parent / link).exists()]


def test_every_study_is_listed() -> None:
    text = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    assert not [
        study.name for study in (ROOT / "config").glob("*.yaml") if f"`config/{study.name}`" not in text
    ]


def test_the_folders_that_the_page_of_the_workflow_lists_exist() -> None:
    (tree,) = blocks((ROOT / "docs" / "workflow.md").read_text(encoding="utf-8"), "")
    for line in tree.splitlines():
        base = ROOT / "hydra_steps" if line.startswith("  ") else ROOT
        names = re.match(r" *((?:[\w.]+/ )*[\w.]+/?) {2,}", line)
        assert names is not None, line
        assert not [name for name in names[1].split() if not (base / name).exists()], line
