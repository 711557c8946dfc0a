"""Noisy-label detection: are the samples with the lowest contribution those whose labels are wrong?

    auroc                chance that a mislabelled sample ranks before a clean one; a tie counts one half
    average_precision    Σ_k (R_k − R_{k−1}) P_k over the distinct scores (scikit-learn's definition)
    found_in_inspected   share of all mislabelled samples among the first ``fraction`` of the ranking

Ranking: the lowest contribution first (negative harms). Ties at the edge of the inspected part count by
their expectation over orders. Intervals, 95 %: Wilson's, with the variance of the bootstrap over samples,
within the mislabelled and within the clean (the amount of noise is part of the experiment). Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from hydra_steps.csv_files import read_csv
from hydra_steps.errors import StudyError
from hydra_steps.evaluation.group_intervals import share_interval
from hydra_steps.evaluation.intervals import RESAMPLES, bootstrap_variances
from hydra_steps.evaluation.ranking import SuspicionRanking, counts_of
from hydra_steps.queries.query import ranking_queries
from hydra_steps.registry.decorators import table
from hydra_steps.scoring.store import read_scores
from hydra_steps.tables.layout import Artifact
from hydra_steps.tables.tidy import make_table, write_table

Shares = Annotated[Sequence[Annotated[float, "0 < x <= 1"]], {"minItems": 1, "uniqueItems": True}]


@table("detection", title="Detection of wrong labels", keys=["fraction"], when="labels_known", order=80)
def evaluate_detection(
    scores: Sequence[Artifact],
    labels: Sequence[Artifact],
    output: str | Path,
    *,
    inspect: Shares = (0.1, 0.2, 0.3),
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> None:
    """Wrong labels are looked for among the samples with the lowest contribution.

    Writes ``detection.csv`` from score folders and the ``labels.csv`` of the runs they belong to. A method that scored
    only some samples is measured on those. One set of rows for each method and each mean over the validation or the
    test split that its scores have; the column ``query`` says which. Without any mislabelled or any clean sample the
    metrics are undefined and their cells empty.

    Options:
        inspect: Shares of the training samples that are inspected.
    """
    noisy = {artifact.run.name: read_is_noisy(artifact.path) for artifact in labels}
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for artifact in scores:
        run, found = artifact.run, read_scores(artifact.path)
        if run.name not in noisy:
            raise StudyError(
                f"the scores in {artifact.path} have no labels", f"labels.csv of the run {run.name}"
            )
        is_noisy = noisy[run.name]
        if len(is_noisy) != found.contribution.shape[1]:
            raise StudyError(
                f"{artifact.path} scores {found.contribution.shape[1]} samples",
                f"{len(is_noisy)}, as in the labels of {run.name}",
                "run the study again so that both belong to one run",
            )
        seen.update(found.names)
        is_noisy = is_noisy[found.scored]
        for query in (q.name for q in ranking_queries(found.queries)):
            about = run.columns | {"method": artifact.label, "query": query, "n": len(is_noisy)}
            measured = detect(found.of_query(query)[found.scored], is_noisy, inspect, resamples, seed)
            rows += [about | row for row in measured]
    if scores and not rows:
        raise StudyError(
            f"no scores have a query to detect noise by (they have {', '.join(sorted(seen))})",
            "a mean over the validation or the test split",
            "add {kind: mean_loss, split: validation} to the study's queries",
        )
    write_table(make_table("detection", rows), output)


def detect(
    contribution: np.ndarray, is_noisy: np.ndarray, inspect: Sequence[float], resamples: int, seed: int
) -> list[dict[str, Any]]:
    """Return rows (metric, fraction, value, ci_low, ci_high) for contributions [n] and flags [n]."""
    # Mislabelled first: the two parts are the bootstrap's strata.
    order = np.argsort(~is_noisy, kind="stable")
    contribution, is_noisy = np.asarray(contribution, np.float64)[order], is_noisy[order]
    wrong = int(is_noisy.sum())
    strata = (wrong, len(is_noisy) - wrong)
    asked: list[tuple[str, float]] = [("auroc", np.nan), ("average_precision", np.nan)]
    asked += [("found_in_inspected", share) for share in inspect]
    if min(strata) == 0 or not np.isfinite(contribution).all():
        return [{"metric": metric, "fraction": fraction} for metric, fraction in asked]

    ranking = SuspicionRanking(contribution, is_noisy)

    def measures(weights: np.ndarray) -> np.ndarray:
        curve = ranking.curve(weights)
        found = [curve.found_in_inspected(share) for share in inspect]
        return np.stack([curve.auroc(), curve.average_precision(), *found], axis=1)

    values = measures(np.ones((1, len(is_noisy))))[0]
    values[:2] = [measure(is_noisy, -contribution) for measure in (roc_auc_score, average_precision_score)]
    variances = bootstrap_variances(
        lambda positions: measures(counts_of(positions)),
        strata,
        len(asked),
        resamples=resamples,
        seed=seed,
    )
    rows = []
    for (metric, fraction), value, variance in zip(asked, values, variances, strict=True):
        low, high = share_interval(float(value), variance, min(strata), estimated=True)
        row = {"metric": metric, "fraction": fraction, "value": float(value)}
        rows.append(row | {"ci_low": low, "ci_high": high})
    return rows


def read_is_noisy(path: str | Path) -> np.ndarray:
    """Return the flags is_noisy [n] (bool) of a run's ``labels.csv``, in the order of ``index``."""
    table = read_csv(path).sort_values("index", kind="stable")
    return table["is_noisy"].to_numpy().astype(bool)
