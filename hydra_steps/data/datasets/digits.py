"""``digits``: 1,797 handwritten digits of 8×8 pixels with 17 grey levels, shipped inside scikit-learn.

The test part of the UCI set "Optical Recognition of Handwritten Digits" (Alpaydin & Kaynak 1998). It has one
part, so train, validation and test splits are disjoint draws from it.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from hydra_steps.data.raw import Part
from hydra_steps.registry.decorators import dataset


@dataset(
    "digits",
    title="scikit-learn's handwritten digits",
    classes=["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    shape=[1, 8, 8],
    parts={"train": 1797},
    mean=[0.3053],
    std=[0.3760],
    white=16.0,
    reads=[],
    bundled="4d60b43feb0e54e4a4e947bedd22c1b5bd00c25105608bf831e734ac7aca5d4c",
    reference="Alpaydin & Kaynak (1998), Optical Recognition of Handwritten Digits, UCI",
)
def digits(folder: Path) -> dict[str, Part]:
    """Small handwritten digits, which ship with scikit-learn."""
    rows = np.loadtxt(_file(), delimiter=",")
    images = rows[:, :-1].reshape(-1, 1, 8, 8).astype(np.uint8)
    return {"train": Part(images, rows[:, -1].astype(np.int64))}


def _file() -> Path:
    """scikit-learn's file, which its ``load_digits`` reads: to import ``sklearn.datasets`` would take longer than all
    else that most jobs of a small study do."""
    spec = find_spec("sklearn")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
