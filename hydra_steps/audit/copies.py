"""What is known of an audit's copies of the data, and of the data themselves: places in the rankings of all methods.

Methods that scored only some samples, or whose contributions are not all finite on some copy or on the data, rank
nothing and are left out. Index letters: m methods, n samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hydra_steps.audit.suspicion import suspicion
from hydra_steps.errors import StudyError
from hydra_steps.evaluation.vectors import check_length, read_run_labels
from hydra_steps.scoring.store import Scores, read_scores
from hydra_steps.tables.layout import Artifact


@dataclass(frozen=True)
class Judged:
    """The training data as they came (``planted`` all False), or a copy: ``label`` [n], ``planted`` [n] and, for each
    label of a method, the suspicion [n]."""

    run: str
    label: np.ndarray
    planted: np.ndarray
    by_method: dict[str, np.ndarray]

    @property
    def matrix(self) -> np.ndarray:
        """The suspicions [m, n] of all methods."""
        return np.stack(list(self.by_method.values()))


def read_copies(
    audited_labels: Sequence[Artifact],
    audited_scores: Sequence[Artifact],
    planted_labels: Sequence[Artifact],
    planted_scores: Sequence[Artifact],
    query: str,
) -> tuple[Judged, list[Judged]]:
    """Return the data as they came and their copies, in the order of the copies; all have the same methods."""
    given = read_run_labels(audited_labels[0].path)["label"].to_numpy(np.int64)
    found = [_rankings(audited_labels[0], audited_scores, given, query)]
    found += [_rankings(labels, planted_scores, given, query) for labels in planted_labels]
    common = [name for name in found[0].by_method if all(name in one.by_method for one in found)]
    if not common:
        raise StudyError(
            "no method has contributions of all samples that are finite, on the data and on every copy",
            "one method or more",
            "lower the learning rate, or name other methods",
        )
    kept = [Judged(one.run, one.label, one.planted, {m: one.by_method[m] for m in common}) for one in found]
    return kept[0], kept[1:]


def _rankings(labels: Artifact, scores: Sequence[Artifact], given: np.ndarray, query: str) -> Judged:
    table = read_run_labels(labels.path)
    label = table["label"].to_numpy(np.int64)
    planted, by_method = label != given, {}
    for artifact in scores:
        if artifact.run.name != labels.run.name:
            continue
        found: Scores = read_scores(artifact.path)
        check_length(found, table, artifact.path)
        contribution = found.of_query(query).astype(np.float64)
        if np.isfinite(contribution).all():
            by_method[artifact.label] = suspicion(contribution, planted)
    return Judged(labels.run.name, label, planted, by_method)
