"""What tests of several folders share: a finished study, and a tree in which nothing has been run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow.conftest import Tree, copy_tree


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A finished study; not to be changed."""
    tree = copy_tree(tmp_path_factory.mktemp("study") / "tree")
    tree.run("--cores", "2")
    return tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A copy of the workflow in which nothing has been run."""
    return copy_tree(tmp_path / "tree")
