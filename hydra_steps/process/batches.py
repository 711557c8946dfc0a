"""Which samples each step sees, and how they are varied: a pure function of (seed, epoch, sample).

The batch table [t, b] is drawn once per run. Augmentation is keyed per sample and epoch
(:mod:`hydra_steps.models.keyed`), so that a re-training without other samples sees each remaining sample
varied in the same way.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hydra_steps.errors import StudyError
from hydra_steps.models.keyed import keyed_uniform

ABSENT = -1  # fills the row of a short batch
_CROP_STREAM, _FLIP_STREAM = 1_000_003, 1_000_033


def batch_table(
    samples: int,
    batch_size: int,
    epochs: int,
    sampling: str,
    seed: int,
    chances: np.ndarray | None = None,
) -> np.ndarray:
    """The samples of every step, int32 [t, b], short last batches filled up with −1.

    ``shuffle``: a fresh permutation per epoch, every sample once. ``with_replacement`` and ``balanced``: as many
    independent draws, so that a sample can come several times or never, with ``chances`` [n] or equal ones. Each epoch
    has its own generator, keyed by (seed, epoch).
    """
    steps = -(-samples // batch_size) if samples else 0
    table = np.full((epochs * steps, batch_size), ABSENT, dtype=np.int32)
    for epoch in range(epochs):
        generator = np.random.Generator(np.random.Philox(key=[seed, epoch]))
        if sampling == "shuffle":
            order = generator.permutation(samples)
        elif chances is None:
            order = generator.integers(samples, size=samples)
        else:
            order = generator.choice(samples, size=samples, p=chances)
        padded = np.full(steps * batch_size, ABSENT, dtype=np.int32)
        padded[:samples] = order
        table[epoch * steps : (epoch + 1) * steps] = padded.reshape(steps, batch_size)
    return table


def balanced_chances(targets: np.ndarray) -> np.ndarray:
    """The chance of each sample [n] under which all classes that are there come equally often.

    Raises :class:`StudyError` for targets that are no classes.

    >>> balanced_chances(np.array([0, 0, 1])).tolist()
    [0.25, 0.25, 0.5]
    """
    if targets.ndim != 1 or not np.issubdtype(targets.dtype, np.integer):
        raise StudyError(
            "training.sampling is balanced, and the targets of the data are no classes",
            "one class for each sample",
            "set training.sampling to shuffle",
        )
    counts = np.bincount(targets)
    chances: np.ndarray = np.divide(1, counts[targets])
    chances /= chances.sum()
    return chances


def augment(images: Tensor, keys: Tensor, crop: int, flip: bool) -> Tensor:
    """Random crop after padding by ``crop`` zeros and random horizontal flip: images [b, channels, h, w], keys [b]."""
    if crop:
        _, _, height, width = images.shape
        padded = functional.pad(images, (crop, crop, crop, crop))
        offsets = (keyed_uniform(keys, _CROP_STREAM, 2) * (2 * crop + 1)).long()
        rows = offsets[:, 0, None] + torch.arange(height, device=images.device)  # [b, h]
        columns = offsets[:, 1, None] + torch.arange(width, device=images.device)  # [b, w]
        samples = torch.arange(len(images), device=images.device)
        images = padded.permute(0, 2, 3, 1)[samples[:, None, None], rows[:, :, None], columns[:, None, :]]
        images = images.permute(0, 3, 1, 2).contiguous()
    if flip:
        flipped = keyed_uniform(keys, _FLIP_STREAM, 1)[:, 0] < 0.5
        images = torch.where(flipped[:, None, None, None], images.flip(-1), images)
    return images
