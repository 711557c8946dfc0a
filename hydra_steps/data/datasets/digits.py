"""``digits``: 1,797 handwritten digits of 8×8 pixels with 17 grey levels, shipped inside scikit-learn.

The test part of the UCI set "Optical Recognition of Handwritten Digits" (Alpaydin & Kaynak 1998). It has one
part, so train, validation and test splits are disjoint draws from it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from hydra_steps.data.registry import Dataset, Part, register
from hydra_steps.errors import StudyError

SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


def read_digits(folder: Path) -> dict[str, Part]:
    """Return the one part of digits, after its counts and content were checked; ``folder`` is not used."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = bunch.images.astype(np.uint8)[:, None]  # [n, 1, 8, 8]
    labels = bunch.target.astype(np.int64)
    found = digits_sha256(images, labels)
    if images.shape != (1797, 1, 8, 8) or found != SHA256:
        raise StudyError(
            f"scikit-learn's digits have shape {images.shape} and SHA-256 {found}",
            f"shape (1797, 1, 8, 8) and SHA-256 {SHA256}",
            "install the scikit-learn version that this project names",
        )
    return {"train": Part(images, labels)}


def digits_sha256(images: np.ndarray, labels: np.ndarray) -> str:
    """Return the SHA-256 of the pixels followed by the labels, each one byte per value."""
    return hashlib.sha256(images.astype(np.uint8).tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()


register(
    Dataset(
        name="digits",
        title="Digits (scikit-learn)",
        classes=tuple("0123456789"),
        image_shape=(1, 8, 8),
        parts={"train": 1797},
        mean=(0.3053,),
        std=(0.3760,),
        white=16.0,
        read=read_digits,
        bundled_sha256=SHA256,
        reference="Alpaydin & Kaynak (1998), Optical Recognition of Handwritten Digits, UCI",
    )
)
