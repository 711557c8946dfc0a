"""What a kind of noise works on, and how the samples are drawn whose targets it touches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hydra_steps.config.targets import CLASS
from hydra_steps.data.seeding import apportion, random_order
from hydra_steps.errors import StudyError


@dataclass(frozen=True)
class CleanTargets:
    """``targets`` of the training split, classes int64 ``[n]`` out of so many ``outputs`` (labels, numbers, tokens:
    ``[n, …]``), and the noise's random ``stream``; ``asks`` says what they are.

    ``inputs`` as the model takes them (images float32 ``[n, c, h, w]``, standardised) are there for kinds that are
    declared with ``images``.
    """

    targets: np.ndarray
    outputs: int
    stream: np.random.Generator
    inputs: np.ndarray | None = None
    asks: str = CLASS

    def __len__(self) -> int:
        return len(self.targets)


def touched_count(clean: CleanTargets, rate: float) -> int:
    """Return K = round(rate · n); :class:`StudyError` for a rate that is no share."""
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise StudyError(f"noise.rate is {rate!r}", "a number from 0 to 1", "change noise.rate in the config")
    return round(rate * len(clean))


def draw_touched(clean: CleanTargets, rate: float) -> np.ndarray:
    """Return the positions of K = round(rate · n) samples, stratified by clean class, where they have one; sorted.

    Each class has its share of K, rounded down or up at random, so that every sample has the same chance.
    """
    count = touched_count(clean, rate)
    order = random_order(len(clean), clean.stream)
    if clean.asks != CLASS:
        return np.sort(order[:count])
    there = np.bincount(clean.targets, minlength=clean.outputs)
    counts = apportion(count * there / max(len(clean), 1), clean.stream.random())
    ordered = clean.targets[order]
    return np.sort(np.concatenate([order[ordered == c][: counts[c]] for c in range(clean.outputs)]))


def draw_below(limit: int, size: int, stream: np.random.Generator) -> np.ndarray:
    """Return ``size`` whole numbers from 0 to ``limit`` − 1, uniform."""
    return np.floor(stream.random(size) * limit).astype(np.int64)
