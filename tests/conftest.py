"""What tests of several folders share: a finished study."""

from __future__ import annotations

import pytest

from tests.workflow.conftest import Tree, copy_tree


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A finished study; not to be changed."""
    tree = copy_tree(tmp_path_factory.mktemp("study") / "tree")
    tree.run("--cores", "2")
    return tree
