"""What was imported is no garbage to look for: a fixture for tests that collect before each of many readings."""

from __future__ import annotations

import gc

import pytest
import torch


@pytest.fixture
def imported_is_kept() -> None:
    """As in a job: what was imported is not looked through again, which takes half a second in a process of tests."""
    torch.optim.SGD([torch.zeros(1)])  # imports much when it is first made
    gc.collect()
    gc.freeze()
