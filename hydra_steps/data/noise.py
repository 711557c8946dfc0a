"""Draw the noisy labels of a run's training split, and count what the noise did.

The kinds, and how many labels each changes, are in :mod:`hydra_steps.data.noise_kinds`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from hydra_steps.data.noise_kinds import KINDS, Matrix, Noise, stochastic_matrix
from hydra_steps.data.registry import dataset
from hydra_steps.data.run_data import read_parts, standardise
from hydra_steps.data.seeding import random_stream
from hydra_steps.data.tables import LABEL_COLUMNS, read_splits, write_csv
from hydra_steps.errors import StudyError, nearest


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

    ``name`` and ``folder`` say where the data are (``<folder>/<name>/``), ``kind`` is one of
    :data:`.noise_kinds.KINDS`, ``rate`` in [0, 1] the share of samples touched, ``matrix`` the C rows of C
    probabilities of ``transition_matrix`` (``None`` otherwise). Columns: ``index``, ``label``,
    ``clean_label``, ``is_noisy`` (1 where they differ). The same arguments give the same file, byte for byte.
    Cost O(n), for ``instance`` that of a few logistic regressions.

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
        stochastic_matrix(matrix, classes)
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
