"""The page of a made study, and a browser to look at it with."""

from pathlib import Path

import pytest

from tests.helpers.browser import browser
from tests.helpers.made_explorer import make_explorer

__all__ = ["browser"]


@pytest.fixture(scope="session")
def explorer(tmp_path_factory) -> Path:
    return make_explorer(tmp_path_factory.mktemp("explored"))
