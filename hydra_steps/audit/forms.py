"""The forms of the training data that decisions are judged by: corrected, and what else could have been done.

as_is              nothing is changed
corrected          decisions are followed: labels that were given are put right, the others removed
only_removed       all samples whose label was found wrong are removed
top_removed        as many of the first suspects are removed, whatever was decided
random_removed     as many samples are removed at random, others for each seed
random_relabelled  as many labels are replaced at random by others
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hydra_steps.audit.decisions import Decided
from hydra_steps.data.seeding import generator_of

WORDS = {
    "as_is": "as they came",
    "corrected": "corrected as decided",
    "only_removed": "wrong ones removed",
    "top_removed": "as many of the first suspects removed",
    "random_removed": "as many removed at random",
    "random_relabelled": "as many relabelled at random",
}


@dataclass(frozen=True)
class Form:
    """``label`` [n] of all training samples, and ``kept``, the positions [m] that are trained on, rising."""

    label: np.ndarray
    kept: np.ndarray

    @property
    def removed(self) -> np.ndarray:
        """The positions that are left out."""
        return np.setdiff1d(np.arange(len(self.label)), self.kept)


def form_of(
    name: str, decided: Decided, suspects: Sequence[int], label: np.ndarray, classes: int, seed: int
) -> Form:
    """Return the form ``name`` of data with the labels ``label`` [n]; ``suspects``: positions, the first first."""
    samples, count = len(label), len(decided.wrong)
    stream = generator_of(seed, name, 0.0, 0)
    if name == "as_is":
        return Form(label, np.arange(samples))
    if name == "corrected":
        new = label.copy()
        new[list(decided.relabel)] = list(decided.relabel.values())
        return Form(new, _without(samples, decided.removed))
    if name == "random_relabelled":
        new, chosen = label.copy(), stream.permutation(samples)[:count]
        new[chosen] = (new[chosen] + stream.integers(1, classes, count)) % classes
        return Form(new, np.arange(samples))
    removed = {
        "only_removed": decided.wrong,
        "top_removed": tuple(suspects[:count]),
        "random_removed": tuple(stream.permutation(samples)[:count]),
    }[name]
    return Form(label, _without(samples, removed))


def _without(samples: int, removed: Sequence[int]) -> np.ndarray:
    return np.setdiff1d(np.arange(samples), np.asarray(removed, np.int64))
