"""How often intervals over groups and samples cover: correlations, lines, shares, and finding wrong labels."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from scipy.stats import norm

from hydra_steps.evaluation.correlation import line, spearman
from hydra_steps.evaluation.detection import detect
from hydra_steps.evaluation.group_intervals import (
    correlation_interval,
    jackknife_interval,
    leave_out,
    share_interval,
)
from hydra_steps.evaluation.ranking import SuspicionRanking, counts_of
from tools.coverage import RESAMPLES, Row, Tally, bonett_wright, bootstrap, percentile

EVERY = 5  # the bootstrap, which costs most, is tried in every so many studies


def correlations(studies: int, random: np.random.Generator) -> Iterator[Row]:
    """LDS: the rank correlation over n groups, of one query and as the mean over five that share the groups."""
    for queries, shared in ((1, 0.0), (5, 0.5), (5, 0.95)):
        for n in (8, 20, 40, 100):
            for truth in (0.0, 0.5, 0.9, 0.995):
                tally = Tally()
                for study in range(studies):
                    x, y = _normal_pairs(queries, n, truth, shared, random)
                    each = spearman(x, y)
                    value = float(each.mean())
                    left = leave_out(lambda at, x=x, y=y: spearman(x[:, at], y[:, at]), n)
                    tally.add("in use", correlation_interval(value, left, n, ranks=True), truth)
                    tally.add("Bonett–Wright", bonett_wright(value, n), truth)
                    if study % EVERY == 0:
                        mean = partial(_mean_spearman, x, y)
                        for name, interval in bootstrap(mean, n, value, left.mean(1), random).items():
                            tally.add(name, interval, truth)
                many = f"mean of {queries} queries ({shared:g} shared)" if queries > 1 else "one query"
                yield f"rank correlation {truth}, {n} groups, {many}", tally.shares()


def lines(studies: int, random: np.random.Generator) -> Iterator[Row]:
    """The line of real on predicted change, and the mean real change."""
    for n in (8, 20, 40):
        for kind in ("normal", "heavy tails", "more noise for larger changes"):
            slope, intercept, mean = Tally(), Tally(), Tally()
            for study in range(studies):
                x = random.normal(size=n)
                noise = random.standard_t(3, n) if kind == "heavy tails" else random.normal(size=n)
                y = x + 0.5 * noise * (0.3 + np.abs(x) if kind.startswith("more") else 1.0)
                for tally, statistic, truth, fitted in (
                    (slope, lambda at, x=x, y=y: line(x[at], y[at])[0], 1.0, 2),
                    (intercept, lambda at, x=x, y=y: line(x[at], y[at])[1], 0.0, 2),
                    (mean, lambda at, y=y: y[at].mean(-1), 0.0, 1),
                ):
                    value, left = float(statistic(np.arange(n))), leave_out(statistic, n)
                    tally.add("in use", jackknife_interval(value, left, fitted), truth)
                    if study % EVERY == 0:
                        for name, interval in bootstrap(statistic, n, value, left, random).items():
                            tally.add(name, interval, truth)
            yield f"slope, {n} groups, {kind}", slope.shares()
            yield f"intercept, {n} groups, {kind}", intercept.shares()
            yield f"mean change, {n} groups, {kind}", mean.shares()


def shares(studies: int, random: np.random.Generator) -> Iterator[Row]:
    """Sign accuracy: the share of groups whose sign is right, of one query and as the mean over five."""
    for queries in (1, 5):
        for n in (8, 40):
            for truth in (0.5, 0.9, 0.99):
                tally = Tally()
                for _ in range(studies):
                    common = random.normal(size=(n, 1))
                    level = np.sqrt(0.5) * common + np.sqrt(0.5) * random.normal(size=(n, queries))
                    right = (level < norm.ppf(truth)).mean(1)
                    value = float(right.mean())
                    tally.add("in use", share_interval(value, float(right.var()) / n, n), truth)
                    drawn = right[random.integers(n, size=(RESAMPLES, n))].mean(1)
                    tally.add("percentile", percentile(drawn), truth)
                yield f"sign accuracy {truth}, {n} groups, {queries} queries", tally.shares()


def detection(studies: int, random: np.random.Generator) -> Iterator[Row]:
    """AUROC, average precision and the share found, of scores whose wrong labels lie lower by a distance."""
    for total, rate in ((50, 0.2), (150, 0.2), (150, 0.05), (1000, 0.2)):
        for area in (0.5, 0.8, 0.95, 0.995):
            apart = np.sqrt(2) * norm.ppf(area)
            truth = {
                row["metric"]: row["value"]
                for row in detect(*_scored(200_000, rate, apart, random), [0.2], 2, 0)
            }
            tallies: dict[str, Tally] = {metric: Tally() for metric in truth}
            for _ in range(max(50, studies // 5)):
                scores, wrong = _scored(total, rate, apart, random)
                drawn = _resampled(scores, wrong, random)
                for row, values in zip(detect(scores, wrong, [0.2], RESAMPLES, 0), drawn, strict=True):
                    tally = tallies[row["metric"]]
                    tally.add("in use", (row["ci_low"], row["ci_high"]), truth[row["metric"]])
                    tally.add("percentile", percentile(values), truth[row["metric"]])
            for metric, tally in tallies.items():
                yield f"{metric} {truth[metric]:.3f}, {total} samples, {rate:.0%} wrong", tally.shares()


def _mean_spearman(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    mean: np.ndarray = spearman(x[:, at], y[:, at]).mean(0)
    return mean


def _scored(
    total: int, rate: float, apart: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    wrong = np.arange(total) < round(total * rate)
    return random.normal(size=total) - apart * wrong, wrong


def _resampled(scores: np.ndarray, wrong: np.ndarray, random: np.random.Generator) -> list[np.ndarray]:
    """AUROC, average precision and the share found of resamples, each [resamples]; the wrong come first."""
    first = int(wrong.sum())
    parts = [
        random.integers(first, size=(RESAMPLES, first)),
        first + random.integers(len(wrong) - first, size=(RESAMPLES, len(wrong) - first)),
    ]
    curve = SuspicionRanking(scores, wrong).curve(counts_of(np.concatenate(parts, axis=1)))
    return [curve.auroc(), curve.average_precision(), curve.found_in_inspected(0.2)]


def _normal_pairs(
    queries: int, n: int, truth: float, shared: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Normal x and y [q, n] with this rank correlation; queries share a part of both."""
    r = 2 * np.sin(np.pi * truth / 6)
    parts = [
        np.sqrt(shared) * random.normal(size=(1, n)) + np.sqrt(1 - shared) * random.normal(size=(queries, n))
        for _ in range(2)
    ]
    return parts[0], r * parts[0] + np.sqrt(1 - r * r) * parts[1]
