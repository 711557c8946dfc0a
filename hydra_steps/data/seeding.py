"""Random streams of the data steps: one seed, one independent stream per purpose.

A stream is ``Philox(SeedSequence(seed, spawn_key=(crc32(purpose),)))``, so the subset drawn with seed 0 and
the noise drawn with seed 0 are independent. The steps take uniform floats only
(:meth:`numpy.random.Generator.random`) and turn them into permutations and counts themselves: a result
depends on nothing but those floats.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import numpy as np

from hydra_steps.errors import StudyError


def random_stream(seed: int, purpose: str) -> np.random.Generator:
    """Return the generator of ``purpose`` under ``seed`` (a whole number ≥ 0; else :class:`StudyError`).

    >>> random_stream(0, "splits").random() == random_stream(0, "noise").random()
    False
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise StudyError(
            f"seed of the {purpose} is {seed!r}",
            "a whole number of at least 0",
            "change the seed in the config",
        )
    sequence = np.random.SeedSequence(int(seed), spawn_key=(zlib.crc32(purpose.encode()),))
    return np.random.Generator(np.random.Philox(sequence))


def random_order(n: int, stream: np.random.Generator) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return a uniformly random permutation ``[n]`` int64: the order that sorts ``n`` uniform floats.

    >>> random_order(4, random_stream(0, "splits")).tolist()
    [0, 2, 3, 1]
    """
    return np.argsort(stream.random(n), kind="stable").astype(np.int64)


def apportion(expected: np.ndarray, offset: float = 0.5) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Round the expectations ``[k]`` to whole numbers of the same total (systematic sampling).

    Every result is the floor or the ceiling of its expectation, and the total is the rounded total. With
    ``offset`` uniform in [0, 1) each result has exactly its expectation as its mean (Madow 1949), if the total is a
    whole number; of another one only the offsets that round it so are used. With the default the result is fixed.
    Cost O(k).

    >>> apportion(np.array([1.5, 2.25, 0.25]), 0.5).tolist()
    [2, 2, 0]
    """
    # Nine decimals hide the summation error of expectations that add up to a whole number.
    edges = np.round(np.concatenate([[0.0], np.cumsum(np.asarray(expected, dtype=np.float64))]), 9)
    total, part = np.rint(edges[-1]), edges[-1] % 1.0
    offset = min(max(offset, 0.0), 1.0 - 1e-9)
    offset = 1.0 - part + offset * part if total > edges[-1] else offset * (1.0 - part)
    steps = np.floor(edges + offset)
    steps[0], steps[-1] = 0.0, total
    return np.diff(steps).astype(np.int64)


def generator_of(seed: int, name: str, fraction: float, number: int) -> np.random.Generator:
    """A generator of its own for each group, so that no group depends on another one's draws."""
    key = hashlib.sha256(f"{seed}/{name}/{fraction!r}/{number}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(key[:16], np.uint64)))
