"""The study of how often intervals cover: every section runs, and says what is in use first."""

import numpy as np
import pytest

from tools.interval_coverage import SECTIONS

FIRST = {"seeds": "jackknife", "families": "Holm"}


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_gives_shares(name):
    label, found = next(iter(SECTIONS[name](3, np.random.default_rng(0))))
    assert label
    assert next(iter(found)) == FIRST.get(name, "in use")
    assert len(found) > 1
    assert all(0 <= share <= 1 for share in found.values())
