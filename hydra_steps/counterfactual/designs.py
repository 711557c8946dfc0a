"""Designs of re-training: which groups of training samples are left out, as positions in the split.

    random_groups   ``groups`` random groups of round(fraction · n) samples
    leave_one_out   ``groups`` single samples, selected by a method's contribution c to a query, or at random
    top_groups      ``groups`` blocks of round(fraction · n) samples from one end of a method's ranking

Group g depends on (seed, name of the design, fraction, g) and not on how many are asked for: asking for more
extends a design and leaves its groups as they were. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import Any

import numpy as np

from hydra_steps.config.designs import Spec, group_size, needs_scores
from hydra_steps.data.seeding import generator_of
from hydra_steps.errors import StudyError

# Above this many possible groups two random ones are so rarely equal that nobody looks.
FEW = 2**32


def draw_groups(
    name: str, spec: Spec, samples: int, seed: int, contribution: np.ndarray | None = None
) -> list[np.ndarray]:
    """Return the groups 0 … ``spec["groups"]`` − 1 of a design, each sorted positions int64 [m].

    ``contribution`` [n] is the row of the method and query that the design names, where :func:`needs_scores`.
    """
    size, count = group_size(name, spec, samples), int(spec["groups"])
    if needs_scores(spec):
        order = rank_samples(name, spec.get("choice", spec.get("side")), samples, contribution)
    elif spec["kind"] == "leave_one_out":
        order = generator_of(seed, name, 1 / samples, 0).permutation(samples)
    else:
        return _random_groups(name, float(spec["fraction"]), samples, size, count, seed)
    return [np.sort(order[g * size : (g + 1) * size]).astype(np.int64) for g in range(count)]


def check_classes(
    name: str, groups: Sequence[np.ndarray], labels: np.ndarray, classes: Sequence[str]
) -> None:
    """Refuse a design one of whose groups holds every training sample of a class; ``labels`` [n] are as
    trained. Without ``classes`` nothing is refused.
    """
    if not classes:
        return
    present = np.bincount(labels, minlength=len(classes))
    for number, group in enumerate(groups):
        taken = np.bincount(labels[group], minlength=len(classes))
        emptied = np.flatnonzero((taken == present) & (present > 0))
        if len(emptied):
            label = int(emptied[0])
            raise StudyError(
                f"group {number} of design {name!r} takes all {present[label]} training samples of class "
                f"{classes[label]!r} ({len(group)} of {len(labels)} samples in all)",
                "at least one sample left of every class",
                "lower the design's fraction, or raise data.train",
            )


def _random_groups(
    name: str, fraction: float, samples: int, size: int, count: int, seed: int
) -> list[np.ndarray]:
    few = comb(samples, size) <= FEW
    groups: list[np.ndarray] = []
    seen: set[bytes] = set()
    for number in range(count):
        generator = generator_of(seed, name, fraction, number)
        while True:
            group = np.sort(generator.choice(samples, size, replace=False)).astype(np.int64)
            if not few or group.tobytes() not in seen:
                break
        seen.add(group.tobytes())
        groups.append(group)
    return groups


def rank_samples(name: str, choice: Any, samples: int, contribution: np.ndarray | None) -> np.ndarray:
    """Return all positions [n] in the order in which ``choice`` takes them; equal scores by position."""
    if contribution is None or contribution.shape != (samples,) or not np.isfinite(contribution).all():
        raise StudyError(
            f"design {name!r} ranks {samples} samples by a score that "
            + (
                "is not there" if contribution is None else f"has shape {contribution.shape} or is not finite"
            ),
            "one finite contribution per training sample",
            "choose another method for the design",
        )
    c = contribution.astype(np.float64)
    keys = {"largest": -np.abs(c), "smallest": np.abs(c), "most_helpful": -c, "most_harmful": c}
    return np.argsort(keys[choice], kind="stable")
