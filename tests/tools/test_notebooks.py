"""The notebooks run, and what they show is what they give."""

from __future__ import annotations

import re
from itertools import zip_longest
from pathlib import Path

import nbformat
import pytest

from tools.notebooks import executed, notebooks, page

NUMBER = re.compile(r"[-+−]?\d+(?:\.\d+)?")


def said(output: nbformat.NotebookNode) -> str:
    """What an output says as text; of a picture, that it is one."""
    data = output.get("data", {})
    return "picture" if "image/png" in data else str(output.get("text") or data["text/plain"])


def numbers(text: str) -> list[float]:
    return [float(found.replace("−", "-")) for found in NUMBER.findall(text)]


def test_there_are_three() -> None:
    assert [path.stem for path in notebooks()] == ["five_minutes", "shapley", "wrong_labels"]


@pytest.fixture(scope="module")
def run_again() -> dict[str, nbformat.NotebookNode]:
    return dict(zip((path.stem for path in notebooks()), executed(notebooks()), strict=True))


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_a_notebook_gives_what_is_stored_in_it(
    path: Path, run_again: dict[str, nbformat.NotebookNode]
) -> None:
    stored, found = nbformat.read(path, as_version=4), run_again[path.stem]
    assert [cell.source for cell in stored.cells] == [cell.source for cell in found.cells]
    for before, now in zip(stored.cells, found.cells, strict=True):
        for one, other in zip_longest(before.get("outputs", []), now.get("outputs", [])):
            assert NUMBER.sub("#", said(one)).split() == NUMBER.sub("#", said(other)).split()
            # Another processor rounds differently, and training carries that on.
            assert numbers(said(other)) == pytest.approx(numbers(said(one)), rel=0.1, abs=0.05)


def test_results_and_pictures_stand_on_the_page() -> None:
    for path in notebooks():
        text = page(nbformat.read(path, as_version=4))
        assert text.count("![Result of the code above](data:image/png;base64,") >= 1
        assert "<table>" in text
        assert "```python\nimport" in text or "```python\nfrom" in text
