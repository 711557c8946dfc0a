"""Label noise: replace labels of the training split, seeded, with a known number of samples touched.

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
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydra_steps.data.instance_noise import instance_labels
from hydra_steps.data.registry import dataset
from hydra_steps.data.run_data import read_parts, standardise
from hydra_steps.data.seeding import apportion, random_order, random_stream
from hydra_steps.data.tables import LABEL_COLUMNS, read_splits, write_csv
from hydra_steps.errors import StudyError, nearest

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


def noise_labels(
    splits_csv: str | Path,
    name: str,
    folder: str | Path,
    kind: str,
    rate: float,
    matrix: Matrix,
    seed: int,
    output: str | Path,
) -> pd.DataFrame:
    """Draw the noisy labels of the training split in ``splits_csv`` and write them to ``output``
    (labels.csv).

    ``name`` and ``folder`` say where the data are (``<folder>/<name>/``), ``kind`` is one of the table above,
    ``rate`` in [0, 1] the share of samples touched, ``matrix`` the C rows of C probabilities of
    ``transition_matrix`` (``None`` otherwise). Columns: ``index``, ``label``, ``clean_label``, ``is_noisy``
    (1 where they differ). The same arguments give the same file, byte for byte. Cost O(n), for ``instance``
    that of a few logistic regressions.

    Raises :class:`StudyError` for an unknown kind, a rate outside [0, 1], a matrix that is not C×C
    row-stochastic, a bad seed, and raw files or splits that are missing or wrong.
    """
    entry = dataset(name)
    check_noise(kind, rate, matrix, len(entry.classes))
    rows = read_splits(splits_csv, entry)
    rows = rows[rows["split"] == "train"]
    parts = read_parts(name, folder)
    part = parts[rows["source"].iloc[0] if len(rows) else "train"]
    positions = rows["source_index"].to_numpy()
    images = standardise(part.images[positions], entry) if kind == "instance" else None
    clean = part.labels[positions]
    noisy = draw_labels(clean, len(entry.classes), kind, rate, seed, matrix=matrix, images=images)
    table = pd.DataFrame(
        {
            "index": np.arange(len(clean)),
            "label": noisy,
            "clean_label": clean,
            "is_noisy": (noisy != clean).astype(np.int64),
        }
    )[list(LABEL_COLUMNS)]
    write_csv(table, output)
    return table


def draw_labels(
    clean: np.ndarray,
    classes: int,
    kind: str,
    rate: float,
    seed: int,
    matrix: Matrix = None,
    images: np.ndarray | None = None,
) -> np.ndarray:
    """Return noisy labels int64 ``[n]`` for ``clean`` ``[n]``; ``instance`` needs the images ``[n, c, h,
    w]``."""
    check_noise(kind, rate, matrix, classes)
    stream = random_stream(seed, "noise")
    clean = np.asarray(clean, dtype=np.int64)
    return KINDS[kind](Noise(clean, classes, float(rate), matrix, images, stream))


def check_noise(kind: str, rate: float, matrix: Matrix, classes: int) -> None:
    """Raise :class:`StudyError` unless the noise options are valid for ``classes`` classes; reads no data."""
    if kind not in KINDS:
        raise StudyError(f"noise.kind is {kind!r}", "a noise kind", nearest(str(kind), list(KINDS)))
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise StudyError(f"noise.rate is {rate!r}", "a number from 0 to 1", "change noise.rate in the config")
    if kind == "transition_matrix":
        _stochastic(matrix, classes)
    elif matrix is not None:
        raise StudyError(
            f"noise.matrix is given with noise.kind {kind}",
            "no matrix (null), or the kind transition_matrix",
            "set noise.matrix to null, or change noise.kind",
        )


def realised_transition(labels: pd.DataFrame, classes: int) -> pd.DataFrame:
    """Return the realised transition matrix as a tidy table of C² rows, sorted by clean label and label.

    ``labels`` has the columns of labels.csv. Columns: ``clean_label``, ``label``, ``count``, and ``share``,
    the count divided by the number of samples with that clean label (0 where there are none).
    """
    flat = labels["clean_label"].to_numpy(np.int64) * classes + labels["label"].to_numpy(np.int64)
    counts = np.bincount(flat, minlength=classes**2).reshape(classes, classes)  # [clean, noisy]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    clean, noisy = np.divmod(np.arange(classes**2), classes)
    return pd.DataFrame(
        {"clean_label": clean, "label": noisy, "count": counts.ravel(), "share": shares.ravel()}
    )


def _stochastic(matrix: Matrix, classes: int) -> np.ndarray:
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
    matrix = _stochastic(noise.matrix, noise.classes)
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


KINDS: dict[str, Callable[[Noise], Any]] = {
    "none": _none,
    "symmetric": _symmetric,
    "pair_flip": _pair_flip,
    "transition_matrix": _transition_matrix,
    "uniform": _uniform,
    "instance": _instance,
}
