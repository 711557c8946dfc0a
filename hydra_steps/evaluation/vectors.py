"""Contribution vectors: how each training sample acts on each of several single test samples.

    v[n, q] = contribution of training sample n to query q      over the queries about single test samples

Sizes differ by orders of magnitude in both directions. A test sample that the model gets wrong has contributions
hundreds of times those of one that it is sure of, so each query is divided by its root mean square over the samples
where ``scale_queries`` says so. A training sample far from all others has a long vector; where the direction
alone is to count, vectors are brought to unit length. Torch-free.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from hydra_steps.csv_files import read_csv
from hydra_steps.data.seeding import random_order, random_stream
from hydra_steps.errors import StudyError
from hydra_steps.queries.query import vector_queries
from hydra_steps.scoring.store import Scores

# Contributions are float32 at best: directions that differ by less are equal, and must not be told apart.
DECIMALS = 6


def contribution_vectors(found: Scores, scale_queries: bool) -> np.ndarray:
    """Return the vectors [m, q] (float64) of the m scored samples; :class:`StudyError` for fewer than two queries.

    A query whose contributions are all zero stays zero. Numbers that are not finite stay so.
    """
    queries = vector_queries(found.queries)
    if len(queries) < 2:
        raise StudyError(
            f"the scores have {len(queries)} queries about single test samples",
            "at least 2: a contribution vector holds one number for each",
            "add {kind: sample_loss, split: test, count: 20} to the study's queries",
        )
    rows = np.stack([found.of_query(query.name)[found.scored] for query in queries], axis=1).astype(
        np.float64
    )
    if scale_queries:
        size = np.sqrt(np.mean(rows**2, axis=0))
        rows = rows / np.where(size > 0, size, 1.0)
    return rows


def unit_length(rows: np.ndarray) -> np.ndarray:
    """Return the rows [m, q] at length 1, to six decimals; a row of zeros stays.

    >>> unit_length(np.array([[3.0, 4.0]])).tolist()
    [[0.6, 0.8]]
    """
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.round(rows / np.where(length > 0, length, 1.0), DECIMALS) + 0.0


def read_run_labels(path: str | Path) -> pd.DataFrame:
    """Return a run's ``labels.csv`` in the order of ``index``: label, clean_label, is_noisy (0 or 1);
    not-a-number where the clean labels are not known."""
    return read_csv(path).sort_values("index", kind="stable").reset_index(drop=True)


def check_length(found: Scores, labels: pd.DataFrame, path: str | Path) -> None:
    """Refuse scores and labels of different runs."""
    if len(labels) != found.contribution.shape[1]:
        raise StudyError(
            f"{path} scores {found.contribution.shape[1]} samples",
            f"{len(labels)}, as in the labels of its run",
            "run the study again so that both belong to one run",
        )


def draw(positions: np.ndarray, most: int | None, seed: int, purpose: str) -> np.ndarray:
    """Return at most ``most`` of the positions (None: all) in rising order, uniformly at random by seed and purpose."""
    if most is None or len(positions) <= most:
        return np.sort(positions)
    order = random_order(len(positions), random_stream(seed, purpose))
    return np.sort(np.asarray(positions)[order[:most]])
