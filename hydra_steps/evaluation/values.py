"""Values of samples compared with sampled ones, such as Data Shapley's, and what each of them cost.

    pearson, spearman      over the training samples, of a method's contributions and the truth's
    sum_ratio              Σ_n c over the truth's: 1 where values add up to what all the data are worth
    reliability, ceiling   of the truth itself: r = 1 − mean(standard error²) / variance over the samples, and √r, the
                           Pearson that its noiseless values reach with it
    trainings              cost: how many trainings a method that consists of trainings made; of the others what they
                           declare (``work``), in trainings. The clock on trainings of milliseconds reads something else

``method`` of reliability and ceiling is empty. Intervals over samples, 95 %, as over
groups (:mod:`hydra_steps.evaluation.group_intervals`). Torch-free.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.errors import StudyError
from hydra_steps.evaluation.correlation import pearson, spearman
from hydra_steps.evaluation.counterfactual import metric_rows
from hydra_steps.evaluation.truth_limits import ceiling
from hydra_steps.registry import find
from hydra_steps.registry.decorators import table
from hydra_steps.registry.expressions import evaluate
from hydra_steps.scoring.sampled_arrays import COUNT, ERROR
from hydra_steps.scoring.store import Scores, read_scores
from hydra_steps.stores import read_extra
from hydra_steps.tables.layout import Artifact
from hydra_steps.tables.queries import ALL_QUERIES
from hydra_steps.tables.tidy import make_table, write_table


@table(
    "values",
    title="Values of samples",
    when="values['truth']",
    settings={"epochs": "training['epochs']"},
    order=34,
)
def evaluate_values(
    scores: Sequence[Artifact], output: str | Path, epochs: int, *, truth: str | None = None
) -> None:
    """Values of samples, compared with those of one method that are taken for the truth. Off while `truth` is null.

    Writes ``values.csv`` from score folders; ``epochs`` of the training. Rank-only scores have a Spearman and a cost.

    Options:
        truth: Label of the method whose values the others are compared with, such as one of `data_shapley` with many
            permutations.
    """
    known = {artifact.run: artifact for artifact in scores if artifact.label == truth}
    rows: list[dict[str, Any]] = []
    for artifact in scores:
        found = read_scores(artifact.path)
        about = artifact.run.columns | {"method": artifact.label}
        rows.append(
            about | {"metric": "trainings", "n": len(found.queries), "value": _trainings(found, epochs)}
        )
        if artifact.run not in known:
            continue
        if artifact.label == truth:
            error = read_extra(artifact.path, ERROR)
            rows += [about | {"method": ""} | row for row in _limits(found, error)]
            continue
        other = read_scores(known[artifact.run].path)
        if other.names != found.names or other.contribution.shape != found.contribution.shape:
            raise StudyError(
                f"{artifact.path} and {known[artifact.run].path} are about other queries or samples",
                "scores of one study",
                "remove them and run again",
            )
        rows += [about | row for row in _agreement(found, other)]
    write_table(make_table("values", rows), output)


def _agreement(found: Scores, truth: Scores) -> Iterator[dict[str, Any]]:
    here = found.scored
    own, real = found.contribution[:, here].T, truth.contribution[:, here].T  # [n, q]
    metrics = {"pearson": pearson, "spearman": spearman} if found.has_unit else {"spearman": spearman}
    for metric, function in metrics.items():
        for row in metric_rows(function, found.names, own, real):
            yield {"metric": metric} | row
    if found.has_unit and found.tracked is None:
        for name, value, whole in zip(found.names, own.sum(0), real.sum(0), strict=True):
            ratio = float(value / whole) if whole else float("nan")
            yield {"metric": "sum_ratio", "query": name, "n": len(own), "value": ratio}


def _limits(truth: Scores, error: np.ndarray | None) -> Iterator[dict[str, Any]]:
    """The truth's reliability and ceiling; none where it does not say its error."""
    if error is None:
        return
    noise, spread = np.square(error).mean(1), truth.contribution.var(1, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        reliability = np.where(spread > 0, 1 - noise / spread, np.nan)
    limits = {"reliability": reliability, "ceiling": ceiling(reliability, 1)}
    for metric, values in limits.items():
        every = [*zip(truth.names, values.tolist(), strict=True)]
        every += [(ALL_QUERIES, float(values.mean()))] if len(values) > 1 else []
        for query, value in every:
            yield {"metric": metric, "query": query, "n": truth.contribution.shape[1], "value": value}


def _trainings(found: Scores, epochs: int) -> float:
    """What the scores cost, in trainings; NaN where the method does not say."""
    counted = found.attributes.get("diagnostics", {}).get(COUNT)
    if counted is not None:
        return float(counted)
    entry = find("method", found.attributes["method"])
    if not entry.traits["work"]:
        return float("nan")
    queries, samples = len(found.queries), found.contribution.shape[1]
    names = {**entry.defaults(), **found.attributes.get("options", {}), "n": samples, "e": epochs}
    work = {name: float(evaluate(text, names)) for name, text in entry.traits["work"].items()}
    steps, gradients = (
        work.get(name, 0.0) + queries * work.get(f"{name}_per_query", 0.0) for name in ("steps", "gradients")
    )
    return steps + gradients / epochs
