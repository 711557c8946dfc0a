"""Agreement with the exact method: how well each method's contributions c match the reference e, per query.

    spearman            rank correlation of c and e over the training samples
    sign_disagreement   share of samples whose contribution has another sign     (methods with a unit)
    relative_error      ‖c − e‖₂ / ‖e‖₂                                          (methods with a unit)

All training samples that both have scored are compared, so there is no sampling error and no interval: the
spread over seeds is the uncertainty. Torch-free.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.config.run import Run
from hydra_steps.errors import StudyError
from hydra_steps.evaluation.correlation import spearman
from hydra_steps.registry.decorators import table
from hydra_steps.scoring.store import Scores, method_of, read_scores
from hydra_steps.tables.layout import Artifact
from hydra_steps.tables.tidy import make_table, write_table

REFERENCE = "hydra_exact"  # a method, whatever its label


@table("agreement", title="Agreement with exact HyDRA", when="'hydra_exact' in used", order=40)
def evaluate_agreement(scores: Sequence[Artifact], output: str | Path) -> None:
    """Write ``agreement.csv`` from score folders ``…/runs/<run>/scores/<label>`` of any number of runs.

    Each label is compared with the first one of its own run whose method is exact HyDRA; runs without have no rows.
    Scores of one run that differ in data, trajectory or number of samples are refused with :class:`StudyError`.
    """
    folders: dict[Run, dict[str, Path]] = {}
    for artifact in scores:
        folders.setdefault(artifact.run, {})[artifact.label] = artifact.path
    rows = []
    for run, methods in folders.items():
        reference = first_of(methods, REFERENCE)
        if reference is None:
            continue
        exact = read_scores(methods[reference])
        for label, folder in methods.items():
            if label != reference:
                rows += [run.columns | {"method": label} | row for row in compare(folder, exact)]
    write_table(make_table("agreement", rows), output)


def first_of(folders: Mapping[str, Path], method: str) -> str | None:
    """Return the first label whose scores, in the folder that it maps to, were computed by ``method``; None without."""
    return next((label for label, folder in folders.items() if method_of(folder) == method), None)


def check_same_origin(folder: Path, found: Scores, other: Scores) -> None:
    """Refuse scores that were not computed from the same trajectory and samples."""
    if found.contribution.shape[1] != other.contribution.shape[1]:
        raise StudyError(
            f"the scores in {folder} are of {found.contribution.shape[1]} samples",
            f"{other.contribution.shape[1]} samples, as in the scores of the same run",
            "run the study again so that all scores belong to one training",
        )
    for key in ("data_digest", "trajectory_digest"):
        if found.attributes.get(key) != other.attributes.get(key):
            raise StudyError(
                f"the scores in {folder} have {key} {found.attributes.get(key)}",
                f"{other.attributes.get(key)}, as in the scores of the same run",
                "run the study again so that all scores belong to one training",
            )


def sign_disagreement(c: np.ndarray, e: np.ndarray) -> float:
    """Share of samples whose signs differ; zero is a sign of its own. NaN without samples or with a
    non-finite one.

    >>> sign_disagreement(np.array([1.0, -2.0]), np.array([1.0, 2.0]))
    0.5
    """
    if not len(c) or not (np.isfinite(c).all() and np.isfinite(e).all()):
        return float("nan")
    return float(np.mean(np.sign(c) != np.sign(e)))


def relative_error(c: np.ndarray, e: np.ndarray) -> float:
    """‖c − e‖₂ / ‖e‖₂; NaN where e is zero or anything is not finite.

    >>> round(relative_error(np.array([1.0, 2.0]), np.array([1.0, 1.0])), 4)
    0.7071
    """
    size = float(np.linalg.norm(e))
    error = float(np.linalg.norm(c - e)) / size if size > 0 else float("nan")
    return error if np.isfinite(error) else float("nan")


def compare(folder: Path, exact: Scores) -> Iterator[dict[str, Any]]:
    """Yield rows (query, metric, n, value) of the scores in ``folder`` against ``exact``."""
    found = read_scores(folder)
    check_same_origin(folder, found, exact)
    both = np.intersect1d(found.scored, exact.scored)
    for query in (q for q in exact.names if q in found.names):
        c = found.of_query(query)[both].astype(np.float64)
        e = exact.of_query(query)[both].astype(np.float64)
        values = {"spearman": float(spearman(c, e))}
        if found.has_unit:
            values["sign_disagreement"] = sign_disagreement(c, e)
            values["relative_error"] = relative_error(c, e)
        for metric, value in values.items():
            yield {"query": query, "metric": metric, "n": len(e), "value": value}
