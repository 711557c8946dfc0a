"""Real effects of leaving out groups, joined over the batches of a design, and the effects that scores predict.

    predicted change of query q by group g  =  Σ_{n∈g} c[q, n]

Imports no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.counterfactual.outcomes import Outcomes
from hydra_steps.errors import StudyError
from hydra_steps.scoring.store import Scores
from hydra_steps.tables.queries import ALL_QUERIES


@dataclass(frozen=True)
class Design:
    """All re-trainings of one design on one run: real changes [r, q] and the groups behind them."""

    name: str
    kind: str
    fraction: float
    queries: tuple[str, ...]
    group: np.ndarray
    removed: tuple[np.ndarray, ...]
    change: np.ndarray
    attributes: dict[str, Any]
    draws: np.ndarray  # [d, r, q] real changes in each training that the truth is drawn from

    @property
    def chosen_by(self) -> str:
        """Label of the method whose score chose the groups; empty where chance did."""
        return str(self.attributes.get("spec", {}).get("method", ""))

    @property
    def from_seeds(self) -> bool:
        """Whether the changes are means over trainings from fresh seeds."""
        return bool(self.attributes.get("spec", {}).get("seeds"))


def join_batches(name: str, batches: Sequence[Outcomes]) -> Design:
    """Put the batches of a design together in the order of their groups; a group that is there twice is
    refused.
    """
    first = batches[0]
    for other in batches[1:]:
        same = other.queries == first.queries and np.array_equal(other.base_draws, first.base_draws)
        if not same or other.attributes.get("trajectory_digest") != first.attributes.get("trajectory_digest"):
            raise StudyError(
                f"the batches of the design {name!r} belong to different trainings or queries",
                "batches that were all made from one run",
                "delete the design's folder and run the study again",
            )
    group = np.concatenate([b.group for b in batches])
    if len(np.unique(group)) != len(group):
        raise StudyError(f"the batches of the design {name!r} hold a group twice", "each group once")
    order = np.argsort(group)
    removed = [r for b in batches for r in b.removed]
    return Design(
        name,
        str(first.attributes["kind"]),
        float(first.attributes["fraction"]),
        first.names,
        group[order],
        tuple(removed[i] for i in order),
        np.concatenate([b.change for b in batches])[order],
        first.attributes,
        np.concatenate([b.change_of_draws for b in batches], 1)[:, order],
    )


def predict(scores: Scores, design: Design, queries: Sequence[str]) -> np.ndarray:
    """Return the predicted changes [r, q]: sums of contributions over each group, in float64."""
    rows = [scores.of_query(q).astype(np.float64) for q in queries]
    return np.array([[c[group].sum() for c in rows] for group in design.removed]).reshape(
        len(design.removed), len(rows)
    )


def each_and_all(queries: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Return each query with its column, and of several their mean with all columns.

    >>> each_and_all(["a", "b"])
    [('a', [0]), ('b', [1]), ('mean_over_queries', [0, 1])]
    """
    each = [(query, [column]) for column, query in enumerate(queries)]
    return [*each, (ALL_QUERIES, list(range(len(queries))))] if len(queries) > 1 else each


def check_match(path: Path, scores: Scores, design: Design, queries: Sequence[str]) -> None:
    """Refuse scores and re-trainings that share no query or were made from different trainings."""
    if not queries:
        raise StudyError(
            f"the scores in {path} and the design {design.name!r} have no query in common",
            f"one of {', '.join(design.queries)}",
            "run the study again so that both have the study's queries",
        )
    last = max((int(r.max()) for r in design.removed if len(r)), default=-1)
    stated = [found.get("trajectory_digest") for found in (scores.attributes, design.attributes)]
    if stated[0] != stated[1] or last >= scores.contribution.shape[1]:
        raise StudyError(
            f"the scores in {path} were computed from the trajectory {stated[0]}",
            f"{stated[1]}, as the re-trainings of {design.name!r}",
            "run the study again so that both belong to one training",
        )
