"""What the data tests share: the real files in the project's data folder, and a tiny IDX dataset of known
content."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hydra_steps.data import RawFile, fetch_data
from hydra_steps.data.raw import Source
from hydra_steps.registry import load, use_plugins
from hydra_steps.registry.decorators import REGISTERED
from hydra_steps.registry.plugins import VARIABLE

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


PLUGIN = """\
from hydra_steps.data.datasets.idx import read_idx_parts
from hydra_steps.plugins import dataset


@dataset("{name}", title="Tiny", parts={{"train": 30, "test": 12}}, reference="made up", files=(), {traits})
def tiny(folder):
    return read_idx_parts(folder)
"""


@pytest.fixture
def tiny(
    tiny_files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Declare the tiny dataset in a plug-in, with sources of the test's: ``tiny(source, ..., name=, shape=, …)``."""
    monkeypatch.delenv("HYDRA_DATA", raising=False)
    monkeypatch.setenv(VARIABLE, "")
    files = tuple(RawFile(name, hashlib.sha256(c).hexdigest(), size=len(c)) for name, c in tiny_files.items())
    folder = tmp_path / "plugins"
    folder.mkdir()

    def put(*sources: Source, name: str = "tiny", **traits: object) -> None:
        told = {"classes": ["a", "b", "c"], "shape": [1, 4, 3], **traits}
        arguments = ", ".join(f"{key}={value!r}" for key, value in told.items())
        file = folder / f"declared_{len(list(folder.iterdir()))}.py"  # declarations of a file are read once
        file.write_text(PLUGIN.format(name=name, traits=arguments))
        use_plugins([str(file)])
        read = load("dataset", name)
        monkeypatch.setitem(REGISTERED["dataset"], name, (read, {"files": files, "sources": sources}))

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
