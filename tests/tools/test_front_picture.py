"""The README's picture is drawn from the committed tables, and is the one that is committed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tools.front_picture import ROOT, draw_front_picture


def test_the_picture_is_that_of_the_tables(tmp_path: Path) -> None:
    draw_front_picture(tmp_path / "removals.png")
    with Image.open(tmp_path / "removals.png") as drawn, Image.open(ROOT / "images/removals.png") as kept:
        assert drawn.size == kept.size
        difference = np.asarray(drawn.convert("L"), float) - np.asarray(kept.convert("L"), float)
    assert np.abs(difference).mean() < 2  # grey levels; another version of a font moves edges
