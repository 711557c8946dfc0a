"""Scores compared with re-training: does the predicted change of a query agree with the real one?

    predicted change by group g   Σ_{n∈g} c[q, n]
    real change                   f_q(re-trained without g) − f_q(run)

    lds, pearson                 Spearman (linear datamodelling score) and Pearson over random groups
    loo_spearman, loo_pearson    the same over single samples (design leave_one_out)
    top_spearman, top_pearson    the same over blocks of a ranking (design top_groups)
    slope, intercept             least squares of the real on the predicted change; 1 and 0 are perfect
    sign_accuracy                share of groups whose predicted change has the real one's sign
    real_change                  mean real change over the groups of a design, whatever was predicted
    reliability, ceiling         of the truth itself, where it was drawn more than once
                                 (:mod:`hydra_steps.evaluation.truth_limits`)
    additive_share, additive_ceiling
                                 of what hundreds of random groups do, the part that is a sum over samples, and what
                                 any score's correlation can reach (:mod:`hydra_steps.evaluation.additivity`)

All but real_change also as the mean over the queries. ``method`` of a real_change is the one whose score chose the
groups, and empty for random groups, the controls; of what a truth or a sum can bear likewise. ``n`` is the number of
groups. Methods that only rank have no Pearson, slope, intercept or sign. Intervals over groups, 95 %:
:mod:`hydra_steps.evaluation.group_intervals`. Torch-free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydra_steps.config.run import Run
from hydra_steps.counterfactual.outcomes import Outcomes, read_outcomes
from hydra_steps.evaluation.additivity import additive_limits
from hydra_steps.evaluation.correlation import line, pearson, spearman
from hydra_steps.evaluation.effects import Design, check_match, each_and_all, join_batches, predict
from hydra_steps.evaluation.group_intervals import (
    correlation_interval,
    jackknife_interval,
    leave_out,
    share_interval,
)
from hydra_steps.evaluation.truth_limits import truth_limits
from hydra_steps.registry.decorators import table
from hydra_steps.scoring.store import read_scores
from hydra_steps.tables.layout import Artifact
from hydra_steps.tables.queries import ALL_QUERIES
from hydra_steps.tables.seed_intervals import NOWHERE, Interval
from hydra_steps.tables.tidy import POINT_COLUMNS, make_table, write_table

# What Spearman's and Pearson's coefficients are called over the groups of each kind of design.
CORRELATIONS = {
    "random_groups": ("lds", "pearson"),
    "leave_one_out": ("loo_spearman", "loo_pearson"),
    "top_groups": ("top_spearman", "top_pearson"),
}

Metric = Callable[[np.ndarray, np.ndarray], np.ndarray]


@table(
    "counterfactual",
    title="Re-training",
    keys=["design", "fraction"],
    also=["counterfactual_points.csv"],
    order=30,
)
def evaluate_counterfactual(
    scores: Sequence[Artifact],
    outcomes: Sequence[Artifact],
    output: str | Path,
    counterfactual_points: str | Path,
) -> None:
    """Write ``counterfactual.csv`` and ``counterfactual_points.csv`` from score folders and batches of
    outcomes.

    Every method of a run is compared with every design of that run, on the queries that both have. The points
    carry one row per re-training, query and method with a unit: n samples removed, predicted and real change.
    """
    batches: dict[Run, dict[str, list[Outcomes]]] = {}
    for artifact in outcomes:
        batches.setdefault(artifact.run, {}).setdefault(artifact.label, []).append(
            read_outcomes(artifact.path)
        )
    designs = {run: [join_batches(n, parts) for n, parts in found.items()] for run, found in batches.items()}
    rows: list[dict[str, Any]] = []
    dots: list[dict[str, Any]] = []
    for run, own in designs.items():
        for design in own:
            about = run.columns | {"design": design.name, "method": design.chosen_by}
            changes = real_changes(design)
            rows += [about | {"fraction": design.fraction} | row for row in changes]
            rows += [about | {"fraction": design.fraction} | row for row in truth_limits(design)]
    sums: dict[
        tuple[Run, str], list[np.ndarray]
    ] = {}  # predicted changes of all queries, by scores with a unit
    samples: dict[Run, int] = {}
    for artifact in scores:
        run, found = artifact.run, read_scores(artifact.path)
        for design in designs.get(run, []):
            queries = [q for q in design.queries if q in found.names]
            check_match(artifact.path, found, design, queries)
            predicted = predict(found, design, queries)
            real = design.change[:, [design.queries.index(q) for q in queries]]
            about = run.columns | {"method": artifact.label, "design": design.name}
            samples[run] = found.contribution.shape[1]
            if found.has_unit:
                dots += [about | dot for dot in _points(design, queries, predicted, real)]
                sums.setdefault((run, design.name), []).append(_of_all(design, queries, predicted))
            measured = measure(design.kind, found.has_unit, queries, predicted, real)
            rows += [about | {"fraction": design.fraction} | row for row in measured]
    for run, own in designs.items():
        for design in own:
            limits = additive_limits(design, samples.get(run, 0), sums.get((run, design.name), []))
            about = run.columns | {"design": design.name, "method": design.chosen_by}
            rows += [about | {"fraction": design.fraction} | row for row in limits]
    write_table(make_table("counterfactual", rows), output)
    write_table(pd.DataFrame(dots, columns=list(POINT_COLUMNS)), counterfactual_points)


def measure(
    kind: str,
    has_unit: bool,
    queries: Sequence[str],
    predicted: np.ndarray,
    real: np.ndarray,
) -> Iterator[dict[str, Any]]:
    """Yield rows (query, metric, n, value, ci_low, ci_high) from predicted and real changes [r, q]."""
    by_rank, by_value = CORRELATIONS[kind]
    metrics: dict[str, Metric] = {by_rank: spearman}
    if has_unit:
        metrics |= {by_value: pearson}
        metrics |= {"slope": _slope, "intercept": _intercept, "sign_accuracy": _sign_accuracy}
    for metric, function in metrics.items():
        for row in metric_rows(function, queries, predicted, real):
            yield {"metric": metric} | row


def real_changes(design: Design) -> Iterator[dict[str, Any]]:
    """Yield rows (metric, query, n, value, ci_low, ci_high) of the mean real change over a design's groups."""
    for row in metric_rows(_mean_real, design.queries, design.change, design.change):
        if row["query"] != ALL_QUERIES:  # queries have different sizes: their mean says nothing
            yield {"metric": "real_change"} | row


def metric_rows(
    function: Metric, queries: Sequence[str], predicted: np.ndarray, real: np.ndarray
) -> Iterator[dict[str, Any]]:
    """Yield rows (query, n, value, ci_low, ci_high) of a metric over groups, and of its mean over the queries, from
    predicted and real changes [r, q]."""
    groups, x, y = len(predicted), predicted.T, real.T
    per_query = function(x, y)
    left = (
        leave_out(lambda kept: function(x[:, kept], y[:, kept]), groups)
        if groups
        else np.empty((0, len(queries)))
    )
    for query, columns in each_and_all(queries):
        value, (low, high) = per_query[columns].mean(), NOWHERE
        if np.isfinite(value):
            low, high = _interval(function, float(value), left[:, columns], x[columns], y[columns])
        yield {"query": query, "n": groups, "value": float(value), "ci_low": low, "ci_high": high}


def _interval(function: Metric, value: float, left: np.ndarray, x: np.ndarray, y: np.ndarray) -> Interval:
    """The interval of a mean over queries, from its parts ``left`` [blocks, q] and changes x and y [q, groups]."""
    groups = x.shape[1]
    if function in (spearman, pearson):
        return correlation_interval(value, left, groups, ranks=function is spearman)
    if function is _sign_accuracy:
        right = (np.sign(x) == np.sign(y)).mean(0)
        return share_interval(value, float(right.var()) / groups, groups)
    return jackknife_interval(value, left.mean(1), fitted=1 if function is _mean_real else 2)


def _of_all(design: Design, queries: Sequence[str], predicted: np.ndarray) -> np.ndarray:
    """Predicted changes [r, q] of all of the design's queries; NaN of those that a score does not have."""
    every = np.full(design.change.shape, np.nan)
    every[:, [design.queries.index(query) for query in queries]] = predicted
    return every


def _mean_real(predicted: np.ndarray, real: np.ndarray) -> np.ndarray:
    return real.mean(-1) if real.shape[-1] else np.full(real.shape[:-1], np.nan)


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
) -> Iterator[dict[str, Any]]:
    for i, group in enumerate(design.group):
        about = {"group": int(group), "fraction": design.fraction, "n": len(design.removed[i])}
        for j, query in enumerate(queries):
            yield about | {"query": query, "predicted": predicted[i, j], "real": real[i, j]}
