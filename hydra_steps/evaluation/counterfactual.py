"""Scores held against re-training: does the predicted change of a query agree with the real one?

    predicted change by group g   Σ_{n∈g} c[q, n]              real change   f_q(re-trained without g) −
    f_q(run)

    lds            Spearman over random groups (linear datamodelling score), per query, and its mean over
    the queries loo_spearman, loo_pearson    the same correlations over single samples (design
    leave_one_out) slope, intercept             least squares of the real on the predicted change: 1 and 0
    for a perfect score sign_accuracy                share of groups whose predicted change has the real
    one's sign

Methods that only rank have no Pearson, slope, intercept or sign. Intervals: percentile bootstrap over
groups, shared by all queries of a mean. Torch-free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hydra_steps.errors import StudyError
from hydra_steps.evaluation.correlation import line, pearson, spearman
from hydra_steps.evaluation.intervals import RESAMPLES, bootstrap_interval
from hydra_steps.evaluation.layout import Run, part_after, run_of
from hydra_steps.evaluation.tables import POINT_COLUMNS, make_table, write_table
from hydra_steps.process.outcomes import Outcomes, read_outcomes
from hydra_steps.scoring.store import Scores, read_scores

ALL_QUERIES = "mean_over_queries"

Metric = Callable[[np.ndarray, np.ndarray], np.ndarray]


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
    attributes: dict


def evaluate_counterfactual(
    scores: Sequence[str | Path],
    outcomes: Sequence[str | Path],
    output: str | Path,
    points: str | Path,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> None:
    """Write ``counterfactual.csv`` and ``counterfactual_points.csv`` from score folders and batches of
    outcomes.

    Every method of a run is held against every design of that run, on the queries that both have. The points
    carry one row per re-training, query and method with a unit: n samples removed, predicted and real change.
    """
    batches: dict[Run, dict[str, list[Outcomes]]] = {}
    for path in outcomes:
        batches.setdefault(run_of(path), {}).setdefault(part_after(path, "counterfactual"), []).append(
            read_outcomes(path)
        )
    designs = {run: [join_batches(n, parts) for n, parts in found.items()] for run, found in batches.items()}
    rows, dots = [], []
    for path in scores:
        run, found = run_of(path), read_scores(path)
        for design in designs.get(run, []):
            queries = [q for q in design.queries if q in found.queries]
            _check_match(Path(path), found, design, queries)
            predicted = predict(found, design, queries)
            real = design.change[:, [design.queries.index(q) for q in queries]]
            about = run.columns | {"method": part_after(path, "scores"), "design": design.name}
            if found.has_unit:
                dots += [about | dot for dot in _points(design, queries, predicted, real)]
            measured = measure(design.kind, found.has_unit, queries, predicted, real, resamples, seed)
            rows += [about | {"fraction": design.fraction} | row for row in measured]
    write_table(make_table("counterfactual", rows), output)
    write_table(pd.DataFrame(dots, columns=list(POINT_COLUMNS)), points)


def join_batches(name: str, batches: Sequence[Outcomes]) -> Design:
    """Put the batches of a design together in the order of their groups; a group that is there twice is
    refused.
    """
    first = batches[0]
    for other in batches[1:]:
        same = other.queries == first.queries and np.array_equal(other.base_value, first.base_value)
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
        first.queries,
        group[order],
        tuple(removed[i] for i in order),
        np.concatenate([b.change for b in batches])[order],
        first.attributes,
    )


def predict(scores: Scores, design: Design, queries: Sequence[str]) -> np.ndarray:
    """Return the predicted changes [r, q]: sums of contributions over each group, in float64."""
    rows = [scores.of_query(q).astype(np.float64) for q in queries]
    return np.array([[c[members].sum() for c in rows] for members in design.removed]).reshape(
        len(design.removed), len(rows)
    )


def measure(
    kind: str,
    has_unit: bool,
    queries: Sequence[str],
    predicted: np.ndarray,
    real: np.ndarray,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Iterator[dict]:
    """Yield rows (query, metric, n, value, ci_low, ci_high) from predicted and real changes [r, q]."""
    single = kind == "leave_one_out"
    metrics: dict[str, Metric] = {"loo_spearman" if single else "lds": spearman}
    if has_unit:
        metrics |= {"loo_pearson" if single else "pearson": pearson}
        metrics |= {"slope": _slope, "intercept": _intercept, "sign_accuracy": _sign_accuracy}
    groups = len(predicted)
    for metric, function in metrics.items():
        per_query = function(predicted.T, real.T)
        averaged = [(ALL_QUERIES, list(range(len(queries))), per_query.mean())] if len(queries) > 1 else []
        for query, columns, value in [(q, [i], per_query[i]) for i, q in enumerate(queries)] + averaged:
            x, y = predicted[:, columns].T, real[:, columns].T

            def statistic(drawn: np.ndarray, x=x, y=y, function=function) -> np.ndarray:
                return function(x[:, drawn], y[:, drawn]).mean(0)

            low, high = np.nan, np.nan
            if np.isfinite(value):
                low, high = bootstrap_interval(statistic, [groups], resamples=resamples, seed=seed)
            yield {
                "query": query,
                "metric": metric,
                "n": groups,
                "value": value,
                "ci_low": low,
                "ci_high": high,
            }


def _slope(predicted: np.ndarray, real: np.ndarray) -> np.ndarray:
    return line(predicted, real)[0]


def _intercept(predicted: np.ndarray, real: np.ndarray) -> np.ndarray:
    return line(predicted, real)[1]


def _sign_accuracy(predicted: np.ndarray, real: np.ndarray) -> np.ndarray:
    if not predicted.shape[-1]:
        return np.full(predicted.shape[:-1], np.nan)
    share = (np.sign(predicted) == np.sign(real)).mean(-1)
    return np.where(np.isfinite(predicted).all(-1) & np.isfinite(real).all(-1), share, np.nan)


def _points(
    design: Design, queries: Sequence[str], predicted: np.ndarray, real: np.ndarray
) -> Iterator[dict]:
    for i, group in enumerate(design.group):
        about = {"group": int(group), "fraction": design.fraction, "n": len(design.removed[i])}
        for j, query in enumerate(queries):
            yield about | {"query": query, "predicted": predicted[i, j], "real": real[i, j]}


def _check_match(path: Path, scores: Scores, design: Design, queries: Sequence[str]) -> None:
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
