"""Arrays inside a page: little-endian bytes in base64, which a browser turns into typed arrays without parsing.

A table of 60,000 samples as JSON would take a second to parse and three times the space.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# What a page can read, by the name that it is read by.
KINDS = {"u1": np.uint8, "u4": np.uint32, "f4": np.float32, "f2": np.float16}


@dataclass
class Blocks:
    """Named contents of a page, each one a string of base64; ``shapes`` says how to read the arrays."""

    contents: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, tuple[str, list[int]]] = field(default_factory=dict)

    def add(self, name: str, array: np.ndarray, kind: str) -> None:
        """Keep an array of any shape, as numbers of a ``kind`` (u1, u4, f4, f2)."""
        little = np.ascontiguousarray(array, dtype=np.dtype(KINDS[kind]).newbyteorder("<"))
        self.shapes[name] = (kind, list(array.shape))
        self.add_bytes(name, little.tobytes())

    def add_json(self, name: str, value: Any) -> None:
        """Keep texts."""
        self.add_bytes(name, json.dumps(value, ensure_ascii=False).encode())

    def add_bytes(self, name: str, content: bytes) -> None:
        """Keep a file."""
        self.contents[name] = base64.b64encode(content).decode("ascii")


def scaled_halves(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Return ``values`` times a power of two as float16, and that power: three digits in half the space of float32.

    The largest value is brought near to the largest float16, so that small ones keep their digits over nine orders
    of magnitude. NaN stays; an array without a finite value other than 0 has the power 1.
    """
    finite = np.abs(values[np.isfinite(values)])
    largest = float(finite.max()) if finite.size else 0.0
    power = 2.0 ** np.floor(np.log2(32768.0 / largest)) if largest > 0 else 1.0
    return (values * power).astype(np.float16), float(power)
