"""Inputs as the model takes them: standardised by a dataset's published constants, or by the training split's own.

A user's own data have no published constants: mean and deviation are those of the run's training split, of each channel
of [c, h, w], else of each place of the last axis. What is constant there is only centred; what is missing is the mean.
A training sample that is removed for a re-training leaves them as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hydra_steps.config.datasets import Dataset
from hydra_steps.data.group import Group

CHUNK = 4096  # samples at a time


@dataclass(frozen=True)
class Scaling:
    """``mean`` and ``std`` float32, of the shape of one sample but for axes of one; ``white``, what is divided by
    first."""

    mean: np.ndarray
    std: np.ndarray
    white: float


def scaling_of(entry: Dataset, train: Any) -> Scaling | None:
    """Return how the inputs of a dataset are scaled; ``train``: the raw inputs of the training split [n, ...].

    None where they come as the model takes them: tokens, and numbers of a declared dataset.
    """
    if not entry.described:
        if isinstance(train, Group) or train.dtype != np.uint8:
            return None
        mean = np.asarray(entry.mean, dtype=np.float32)[:, None, None]
        return Scaling(mean, np.asarray(entry.std, dtype=np.float32)[:, None, None], entry.white)
    if train.dtype == np.int64:
        return None
    white = entry.white if train.dtype.kind == "u" else 1.0
    channel = 1 if train.ndim == 4 else train.ndim - 1
    others = tuple(axis for axis in range(train.ndim) if axis != channel)
    mean, deviation = _moments(train, white, others)
    scaled = np.asarray(entry.scaled, bool) if entry.scaled else np.ones(len(mean), bool)
    shape = [1] * (train.ndim - 1)
    shape[channel - 1] = len(mean)
    mean = np.where(scaled, mean, 0.0).reshape(shape)
    std = np.where(scaled & (deviation > 0), deviation, 1.0).reshape(shape)
    return Scaling(mean.astype(np.float32), std.astype(np.float32), white)


def standardise(inputs: Any, scaling: Scaling | None, pad: int = 0, channels: int | None = None) -> Any:
    """Return raw inputs [n, ...] as float32: images padded with black, all standardised, grey images repeated to
    ``channels``, and what is missing 0."""
    if scaling is None:
        return inputs
    if pad:
        inputs = np.pad(inputs, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    values = inputs.astype(np.float32)
    # In place: a full dataset is held once as float32.
    values /= np.float32(scaling.white)
    values -= scaling.mean
    values /= scaling.std
    if inputs.dtype.kind == "f":
        np.nan_to_num(values, copy=False, nan=0.0, posinf=None, neginf=None)
    return np.repeat(values, channels, axis=1) if channels and channels != values.shape[1] else values


def _moments(train: np.ndarray, white: float, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation over ``axes`` in float64, NaN left out; 0 and 0 where nothing is left."""
    count = total = square = np.zeros(1)
    for start in range(0, len(train), CHUNK):
        part = train[start : start + CHUNK].astype(np.float64) / white
        there = ~np.isnan(part)
        count = count + there.sum(axis=axes)
        total = total + np.where(there, part, 0.0).sum(axis=axes)
    mean = total / np.maximum(count, 1)
    for start in range(0, len(train), CHUNK):
        part = train[start : start + CHUNK].astype(np.float64) / white
        shape = [1] * part.ndim
        shape[next(axis for axis in range(part.ndim) if axis not in axes)] = -1
        square = square + np.where(np.isnan(part), 0.0, (part - mean.reshape(shape)) ** 2).sum(axis=axes)
    return mean, np.sqrt(square / np.maximum(count, 1))
