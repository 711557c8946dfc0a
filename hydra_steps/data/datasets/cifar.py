"""``cifar10``: 32×32 colour images in the archive of Python batches, 50,000 for training and 10,000 for
testing.

Krizhevsky (2009), Learning multiple layers of features from tiny images. A batch is a pickled dictionary with
``b"data"`` uint8 ``[n, 3072]`` (red, green, blue planes, each row-major) and ``b"labels"``, a list of ``n``
numbers.
"""

from __future__ import annotations

import io
import pickle
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.data.raw import Part, RawFile
from hydra_steps.data.sources import Mirror
from hydra_steps.errors import StudyError
from hydra_steps.registry.decorators import dataset

ARCHIVE = "cifar-10-python.tar.gz"
FOLDER = "cifar-10-batches-py"
BATCHES = {"train": tuple(f"data_batch_{k}" for k in range(1, 6)), "test": ("test_batch",)}
PIXELS = 3 * 32 * 32
REMEDY = f"put the published archive {ARCHIVE} into the folder"


@dataset(
    "cifar10",
    title="CIFAR-10",
    classes=["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
    shape=[3, 32, 32],
    parts={"train": 50_000, "test": 10_000},
    mean=[0.4914, 0.4822, 0.4465],
    std=[0.2470, 0.2435, 0.2616],
    reference="Krizhevsky (2009), Learning multiple layers of features from tiny images",
    files=(
        RawFile(
            ARCHIVE,
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            unzip=False,
            size=170_498_071,
        ),
    ),
    sources=(Mirror("https://www.cs.toronto.edu/~kriz/"),),
)
def cifar10(folder: Path) -> dict[str, Part]:
    """Small colour images of animals and vehicles.

    The train part are five batches in order.
    """
    path = folder / ARCHIVE
    parts = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            members = {member.name: member for member in archive.getmembers()}
            for part, names in BATCHES.items():
                batches = []
                for name in names:
                    stream = archive.extractfile(members[f"{FOLDER}/{name}"])
                    assert stream is not None
                    batches.append(read_cifar_batch(stream.read(), f"{path}: {name}"))
                parts[part] = Part(
                    np.concatenate([batch.inputs for batch in batches]),
                    np.concatenate([batch.targets for batch in batches]),
                )
    except KeyError as error:
        raise StudyError(f"{path} has no member {error.args[0]}", "the published archive", REMEDY) from error
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise StudyError(f"{path} cannot be read: {error}", "the published archive", REMEDY) from error
    return parts


class _ArrayUnpickler(pickle.Unpickler):
    """An unpickler that builds NumPy arrays and plain containers, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            from numpy._core import multiarray

            return multiarray._reconstruct
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"the batch asks for {module}.{name}")


def read_cifar_batch(content: bytes, where: str) -> Part:
    """Return the images ``[n, 3, 32, 32]`` and labels ``[n]`` of one pickled batch; ``where`` names it in
    errors."""
    try:
        batch = _ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise StudyError(f"{where} cannot be read: {error}", "a pickled CIFAR-10 batch", REMEDY) from error
    if not isinstance(batch, dict) or b"data" not in batch or b"labels" not in batch:
        keys = sorted(map(str, batch)) if isinstance(batch, dict) else type(batch).__name__
        raise StudyError(f"{where} holds {keys}", "a dictionary with b'data' and b'labels'", REMEDY)
    data, labels = np.asarray(batch[b"data"]), np.asarray(batch[b"labels"])
    if data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != PIXELS or labels.shape != data.shape[:1]:
        raise StudyError(
            f"{where} has data {data.dtype} {data.shape} and labels {labels.shape}",
            f"data uint8 (n, {PIXELS}) and labels (n,)",
            REMEDY,
        )
    return Part(data.reshape(-1, 3, 32, 32), labels.astype(np.int64))
