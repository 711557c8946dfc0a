"""What the data tests share: the real files in the project's data folder, and a tiny IDX dataset of known
content."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hydra_steps.data import RawFile, dataset, fetch_data, registry
from hydra_steps.data.datasets.idx import read_idx_parts

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real MNIST and Fashion-MNIST, fetched once; without a source the test fails and
    says why."""
    folder = PROJECT / "data"
    for name in ("mnist", "fashion_mnist"):
        fetch_data(name, folder)
    return folder


def idx_bytes(values: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, values.ndim]) + np.asarray(values.shape, dtype=">u4").tobytes()
    return header + values.astype(np.uint8).tobytes()


@pytest.fixture(scope="session")
def tiny_files() -> dict[str, bytes]:
    """The four IDX files of a dataset of 30 + 12 images of 4×3 pixels in three classes."""
    rng = np.random.default_rng(0)
    files = {}
    for prefix, n in (("train", 30), ("t10k", 12)):
        files[f"{prefix}-images-idx3-ubyte"] = idx_bytes(rng.integers(0, 256, (n, 4, 3)))
        files[f"{prefix}-labels-idx1-ubyte"] = idx_bytes(np.arange(n) % 3)
    return files


@pytest.fixture
def tiny(tiny_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Register the tiny dataset as ``tiny`` for one test: ``tiny(source, ...)``."""
    monkeypatch.delenv("HYDRA_DATA", raising=False)

    def put(*sources: registry.Source) -> None:
        entry = replace(
            dataset("mnist"),
            name="tiny",
            title="Tiny",
            classes=("a", "b", "c"),
            image_shape=(1, 4, 3),
            parts={"train": 30, "test": 12},
            read=read_idx_parts,
            files=tuple(RawFile(name, hashlib.sha256(c).hexdigest()) for name, c in tiny_files.items()),
            sources=sources,
        )
        monkeypatch.setitem(registry._REGISTRY, "tiny", entry)

    put()
    return put


@pytest.fixture
def write_tiny(tiny_files: dict[str, bytes]) -> Callable[..., Path]:
    """Write the tiny dataset's files into a folder: ``write_tiny(folder, zipped=False)``."""

    def write(folder: Path, zipped: bool = False) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in tiny_files.items():
            path = folder / (f"{name}.gz" if zipped else name)
            path.write_bytes(gzip.compress(content) if zipped else content)
        return folder

    return write
