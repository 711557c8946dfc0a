"""What a kind of label noise works on, and how the samples are drawn whose labels it touches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hydra_steps.data.seeding import apportion, random_order
from hydra_steps.errors import StudyError


@dataclass(frozen=True)
class CleanLabels:
    """``labels`` int64 ``[n]`` of the training split, of so many ``classes``, and the noise's random ``stream``.

    ``images`` float32 ``[n, c, h, w]``, standardised, are there for kinds that are declared with ``images``.
    """

    labels: np.ndarray
    classes: int
    stream: np.random.Generator
    images: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)


def touched_count(clean: CleanLabels, rate: float) -> int:
    """Return K = round(rate · n); :class:`StudyError` for a rate that is no share."""
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise StudyError(f"noise.rate is {rate!r}", "a number from 0 to 1", "change noise.rate in the config")
    return round(rate * len(clean))


def draw_touched(clean: CleanLabels, rate: float) -> np.ndarray:
    """Return the positions of K = round(rate · n) samples, stratified by clean class, sorted.

    Each class has its share of K, rounded down or up at random, so that every sample has the same chance.
    """
    count = touched_count(clean, rate)
    order = random_order(len(clean), clean.stream)
    there = np.bincount(clean.labels, minlength=clean.classes)
    counts = apportion(count * there / max(len(clean), 1), clean.stream.random())
    ordered = clean.labels[order]
    return np.sort(np.concatenate([order[ordered == c][: counts[c]] for c in range(clean.classes)]))


def draw_below(limit: int, size: int, stream: np.random.Generator) -> np.ndarray:
    """Return ``size`` whole numbers from 0 to ``limit`` − 1, uniform."""
    return np.floor(stream.random(size) * limit).astype(np.int64)
