"""The folder of a user who follows the pages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from filelock import FileLock

from tests.pages.blocks import checkout


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout with the user's files, made once for all workers."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    with FileLock(base / "user.lock"):
        made = base / "user"
        return made if made.exists() else checkout(made)
