"""Every block of Python on the pages runs, here or in the test that is named."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hydra_steps.data.samples import Samples
from tests.pages.blocks import PAGES, ROOT, blocks
from tests.workflow.conftest import Tree

# Page → how many blocks of Python it has, and what runs them.
RUN = {
    "README": (1, "here"),
    "first_study": (1, "here"),
    "own_data": (1, "here"),
    "plugins": (
        12,
        "tests/workflow/test_plugin.py",
    ),  # quoted from the study that it runs: tests/test_docs.py
    "python": (3, "here"),
    "tasks": (1, "here"),
    "trajectory": (1, "here"),
    "tutorial_model": (1, "tests/pages/test_commands.py"),  # make check tries it
}


def run(page: str, names: dict[str, Any], *changes: tuple[str, str]) -> str:
    """Run a page's blocks one after another with ``names``, and return what they print."""
    path = ROOT / "README.md" if page == "README" else ROOT / "docs" / f"{page}.md"
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        for block in blocks(path, "python"):
            for old, new in changes:
                assert old in block
                block = block.replace(old, new)
            exec(compile(block, str(path), "exec"), names)
    return said.getvalue()


def test_all_blocks_are_run() -> None:
    assert {page.stem: n for page in PAGES if (n := len(blocks(page, "python")))} == {
        name: number for name, (number, _) in RUN.items()
    }
    assert not [place for _, place in RUN.values() if place != "here" and not (ROOT / place).is_file()]


def test_the_page_about_python_and_the_readme() -> None:
    names: dict[str, Any] = {}
    torch.manual_seed(0)
    said = run("python", names)
    assert names["scores"].sizes == {"query": 1, "sample": 300}
    lds = names["hs"].lds(names["hs"].predicted_changes(names["scores"], names["groups"]), names["real"])
    assert float(lds[0]) > 0.95
    assert "group: 2" in said
    images, labels = names["images"], names["labels"]
    readme = {"net": names["net"], "images": images[:200], "labels": labels[:200]}
    readme |= {"test_images": images[600:700], "test_labels": labels[600:700]}
    run("README", readme)
    assert readme["predicted"].sizes == readme["real"].sizes == {"group": 2, "query": 1}


def test_pages_that_read_a_finished_study(study: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study.folder)
    here = ("results/quickstart", "results/test")
    harmful = run("first_study", {}, here)
    assert len(re.findall(r"\d+", harmful)) == 10
    accuracy = run(
        "trajectory", {}, here, ("model_at(3 *", "model_at(2 *")
    )  # the tests' study has two epochs
    assert 0 < float(accuracy) <= 1


def test_a_kind_of_data_of_ones_own(tmp_path: Path) -> None:
    for name in ("food_1.txt", "travel_1.txt"):
        (tmp_path / name).write_text("some words", encoding="utf-8")
    names: dict[str, Any] = {"numbers_of": lambda files, words: np.zeros((len(files), words), np.float32)}
    run("own_data", names)
    found = names["receipts"](tmp_path)
    assert isinstance(found, Samples)
    assert list(found.labels) == ["food", "travel"]


def test_a_loss_of_numbers() -> None:
    import hydra_steps.plugins as hs

    names: dict[str, Any] = {"hs": hs, "Path": Path}
    run("tasks", names)
    values = names["log_cosh"]()(torch.tensor([[0.0], [3.0]]), torch.zeros(2, 1))
    assert values.tolist() == pytest.approx([0.0, float(np.log(np.cosh(3.0)))])
