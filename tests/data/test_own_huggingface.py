"""A folder that the library `datasets` saved: pictures and arrays, class names, parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hydra_steps.config.datasets import dataset
from hydra_steps.data.describe import describe
from hydra_steps.data.run_data import read_parts
from hydra_steps.errors import StudyError

datasets = pytest.importorskip("datasets")
PIXELS = np.random.default_rng(0).integers(0, 256, (12, 4, 5)).astype(np.uint8)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_pictures_with_named_classes_in_parts() -> None:
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["zebra", "ant"])}
    )
    rows = {"image": [Image.fromarray(one) for one in PIXELS], "label": [0, 1] * 6}
    whole = datasets.Dataset.from_dict(rows, features=features)
    parts = {"train": whole.select(range(8)), "test": whole.select(range(8, 12))}
    datasets.DatasetDict(parts).save_to_disk("mine")
    describe("huggingface", "mine")
    entry = dataset("huggingface", "mine")
    assert (entry.classes, entry.shape, entry.parts) == (("zebra", "ant"), (1, 4, 5), {"train": 8, "test": 4})
    read = read_parts("huggingface", "mine")
    np.testing.assert_array_equal(read["test"].inputs[:, 0], PIXELS[8:])
    assert list(read["test"].names or ())[0] == "test 0"


def test_arrays_in_one_part_and_what_is_refused() -> None:
    rows = {"x": np.arange(24.0).reshape(12, 2).tolist(), "y": ["a", "b", "c"] * 4}
    datasets.Dataset.from_dict(rows).save_to_disk("mine")
    given = {"inputs": "x", "label": "y"}
    describe("huggingface", "mine", given)
    np.testing.assert_array_equal(read_parts("huggingface", "mine", given)["train"].inputs, rows["x"])
    with pytest.raises(StudyError, match="data.inputs: there is no column 'image'"):
        describe("huggingface", "mine", {"label": "y"})
    Path("other").mkdir()
    with pytest.raises(StudyError, match="other cannot be read"):
        describe("huggingface", "other")
    ragged = datasets.Dataset.from_dict({"x": [[1.0], [1.0, 2.0], [3.0]], "y": ["a", "b", "a"]})
    ragged.save_to_disk("ragged")
    with pytest.raises(StudyError, match=r"train 1 is float64 \[2\], and train 0 float64 \[1\]"):
        describe("huggingface", "ragged", given)
