"""docs/layers.md: every layer is trained, and none is wrong without a word."""

from __future__ import annotations

import pytest

from tools.layer_cases import CASES
from tools.layers import EXACT, PAGE, page, state_of


@pytest.mark.parametrize("label", CASES)
def test_a_layer_is_exact_or_refused_by_its_name(label):
    state = state_of(label)
    if state.refused:
        assert "its layer '" in state.refused or "the layer '" in state.refused
    else:
        assert state.error <= EXACT


def test_the_page_says_what_is_there():
    text = page()
    assert text == PAGE.read_text(encoding="utf-8"), "python -m tools.layers"
    assert "WRONG" not in text
    assert len(CASES) >= 60
