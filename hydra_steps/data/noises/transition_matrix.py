"""Labels drawn row by row from a matrix of chances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hydra_steps.config.matrices import check_matrix
from hydra_steps.data.clean_targets import CleanTargets
from hydra_steps.data.seeding import apportion, random_order
from hydra_steps.registry.decorators import noise
from hydra_steps.registry.types import Share


@noise("transition_matrix", title="changed by a given class-transition matrix")
def transition_matrix(clean: CleanTargets, matrix: Sequence[Sequence[Share]] | None = None) -> np.ndarray:
    """Row by row as in `matrix`.

    Options:
        matrix: Row c holds the chances of each label for a sample of class c; rows sum to 1.
    """
    rows = np.asarray(check_matrix(matrix, clean.outputs), dtype=np.float64)
    rows = rows / rows.sum(axis=1, keepdims=True)
    labels = clean.targets.copy()
    order = random_order(len(labels), clean.stream)
    ordered = clean.targets[order]
    for a in range(clean.outputs):
        positions = order[ordered == a]
        counts = apportion(len(positions) * rows[a], clean.stream.random())
        labels[positions] = np.repeat(np.arange(clean.outputs), counts)
    return labels
