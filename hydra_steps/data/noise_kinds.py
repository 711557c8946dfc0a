"""The kinds of label noise: each turns clean labels into noisy ones, with a known number of samples touched.

With ``y`` the clean label, ``ỹ`` the noisy one, ``C`` classes, ``N`` samples and ``K = round(rate · N)``:

================== ================================================================= ======================
kind               the noisy label                                                   how many ``ỹ ≠ y``
================== ================================================================= ======================
none               ``ỹ = y``                                                         0
symmetric          K samples: uniform over the other C − 1 classes                   exactly K
pair_flip          K samples: ``(y + 1) mod C``                                      exactly K
uniform            K samples: uniform over all C classes, ``y`` among them           Binomial(K, 1 − 1/C)
transition_matrix  ``P(ỹ = b | y = a) = matrix[a][b]``; ``rate`` is not used         within C of its mean
instance           K samples, drawn by how hard they are (:mod:`.instance_noise`)    exactly K
================== ================================================================= ======================

The K samples of symmetric, pair_flip and uniform are stratified: each clean class has its share of K, rounded
down or up at random, so that every sample has the same chance. transition_matrix is stratified by target: of
the samples of class a, ``n_a · matrix[a][b]`` get label b, rounded down or up at random. A kind is one
function in ``KINDS``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hydra_steps.data.instance_noise import instance_labels
from hydra_steps.data.seeding import apportion, random_order
from hydra_steps.errors import StudyError

Matrix = Sequence[Sequence[float]] | None


@dataclass(frozen=True)
class Noise:
    """What a noise kind works on: ``clean`` int64 ``[n]``, the options, and its random stream."""

    clean: np.ndarray
    classes: int
    rate: float
    matrix: Matrix
    images: np.ndarray | None  # float32 [n, c, h, w], for kinds that look at them
    stream: np.random.Generator


def stochastic_matrix(matrix: Matrix, classes: int) -> np.ndarray:
    """Return the rows as float64 ``[C, C]``, or raise :class:`StudyError` unless each is a distribution."""
    fix = "change noise.matrix in the config"
    try:
        rows = np.asarray(matrix, dtype=np.float64)
    except (TypeError, ValueError):
        rows = np.empty(0)
    if rows.shape != (classes, classes):
        found = "null" if matrix is None else f"of shape {rows.shape}" if rows.size else "no table of numbers"
        raise StudyError(f"noise.matrix is {found}", f"{classes} rows of {classes} numbers", fix)
    if not np.isfinite(rows).all() or rows.min() < 0:
        raise StudyError("noise.matrix has an entry that is negative or not finite", "probabilities", fix)
    worst = int(np.argmax(np.abs(rows.sum(axis=1) - 1)))
    if abs(rows[worst].sum() - 1) > 1e-6:
        raise StudyError(
            f"row {worst} of noise.matrix adds up to {rows[worst].sum():.6g}", "rows that add up to 1", fix
        )
    return rows / rows.sum(axis=1, keepdims=True)


def _touched(noise: Noise) -> np.ndarray:
    """Return the positions of K = round(rate · N) samples, stratified by clean class, sorted."""
    n = len(noise.clean)
    order = random_order(n, noise.stream)
    there = np.bincount(noise.clean, minlength=noise.classes)
    counts = apportion(round(noise.rate * n) * there / max(n, 1), noise.stream.random())
    ordered = noise.clean[order]
    return np.sort(np.concatenate([order[ordered == c][: counts[c]] for c in range(noise.classes)]))


def _uniform_numbers(below: int, size: int, stream: np.random.Generator) -> np.ndarray:
    return np.floor(stream.random(size) * below).astype(np.int64)


def _none(noise: Noise) -> np.ndarray:
    return noise.clean.copy()


def _symmetric(noise: Noise) -> np.ndarray:
    labels, touched = noise.clean.copy(), _touched(noise)
    shift = 1 + _uniform_numbers(noise.classes - 1, len(touched), noise.stream)  # 1 .. C − 1
    labels[touched] = (labels[touched] + shift) % noise.classes
    return labels


def _pair_flip(noise: Noise) -> np.ndarray:
    labels, touched = noise.clean.copy(), _touched(noise)
    labels[touched] = (labels[touched] + 1) % noise.classes
    return labels


def _uniform(noise: Noise) -> np.ndarray:
    labels, touched = noise.clean.copy(), _touched(noise)
    labels[touched] = _uniform_numbers(noise.classes, len(touched), noise.stream)
    return labels


def _transition_matrix(noise: Noise) -> np.ndarray:
    matrix = stochastic_matrix(noise.matrix, noise.classes)
    labels = noise.clean.copy()
    order = random_order(len(labels), noise.stream)
    ordered = noise.clean[order]
    for a in range(noise.classes):
        members = order[ordered == a]
        counts = apportion(len(members) * matrix[a], noise.stream.random())
        labels[members] = np.repeat(np.arange(noise.classes), counts)
    return labels


def _instance(noise: Noise) -> np.ndarray:
    if noise.images is None:
        raise ValueError("instance noise needs the images")
    return instance_labels(noise.images, noise.clean, noise.classes, noise.rate, noise.stream)


KINDS: dict[str, Callable[[Noise], np.ndarray]] = {
    "none": _none,
    "symmetric": _symmetric,
    "pair_flip": _pair_flip,
    "transition_matrix": _transition_matrix,
    "uniform": _uniform,
    "instance": _instance,
}
