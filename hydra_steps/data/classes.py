"""Whether a split has samples of every class, where a study asks about each of them: known once the split is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hydra_steps.errors import StudyError


def require_every_class(labels: np.ndarray, split: str, classes: Sequence[str], fix: str) -> None:
    """Raise :class:`StudyError`, with the counts, where no sample of ``labels`` [n] of a split has one of ``classes``.

    >>> require_every_class(np.array([0, 1, 1]), "test", ["cat", "dog"], "")
    """
    counts = np.bincount(labels, minlength=len(classes))
    if not (counts == 0).any():
        return
    absent = ", ".join(str(index) for index in np.flatnonzero(counts == 0))
    told = ", ".join(f"{name} {count}" for name, count in zip(classes, counts, strict=True))
    raise StudyError(
        f"queries ask for the loss of each class of the {split} split, and of class {absent} it has no sample "
        f"(samples by class: {told})",
        "at least 1 sample of each class",
        f"{fix}, or drop the queries over the classes of the {split} split",
    )
