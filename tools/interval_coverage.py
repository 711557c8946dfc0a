"""How often the intervals of this project's tables hold what they are of: a simulation, printed as a table.

    python -m tools.interval_coverage [--studies 1000] [--only seeds|families|correlations|lines|shares|detection]

Nominal are 95 %. Of each kind of measurement the interval in use (first) stands beside those that it was chosen from:
Student's of values that share pairs, the percentile bootstrap, the bias-corrected one (BCa), Bonett and Wright's by
itself. A few minutes on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from itertools import combinations

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
from hydra_steps.evaluation.verdicts import Comparison, decided
from hydra_steps.tables.seed_intervals import Interval, mean_interval, p_value, pairs_interval

RESAMPLES = 500
Row = tuple[str, dict[str, float]]


class Tally:
    """Shares of studies in which each interval holds the truth."""

    def __init__(self) -> None:
        self.held: dict[str, list[bool]] = {}

    def add(self, name: str, interval: Interval, truth: float) -> None:
        self.held.setdefault(name, []).append(interval[0] <= truth <= interval[1])

    def shares(self) -> dict[str, float]:
        return {name: float(np.mean(held)) for name, held in self.held.items()}


def seeds(studies: int, random: np.random.Generator) -> Iterator[Row]:
    """The difference of two methods alike, each with a value for every pair of seeds (as in claim 4b)."""
    kinds: dict[str, Callable[[int], np.ndarray]] = {
        "seeds have levels of their own": lambda count: _levels(count, random),
        "pairs are independent": lambda count: random.normal(size=(2, count, count)),
        "rankings of 200 samples": lambda count: _rankings(count, random),
    }
    for name, draw in kinds.items():
        for count in (3, 4, 5, 7, 10):
            tally = Tally()
            for _ in range(studies):
                pairs = draw(count)
                apart = np.array([_over_pairs(own) for own in pairs])
                values = apart[0] - apart[1]
                tally.add("jackknife", pairs_interval(values), 0.0)
                tally.add("Student", mean_interval(values), 0.0)
            yield f"seeds that share pairs, {count} seeds, {name}", tally.shares()


def families(studies: int, random: np.random.Generator) -> Iterator[Row]:
    """Ten comparisons of which none is true: how many studies decide none of them."""
    for shared in (0.0, 0.7):
        for count in (3, 5, 10):
            none: dict[str, list[bool]] = {"Holm": [], "each by itself": []}
            for _ in range(studies):
                values = random.normal(size=(10, count)) + shared * random.normal(size=count)
                found = []
                for own in values:
                    low, high = mean_interval(own)
                    value = float(own.mean())
                    p = p_value(value, low, high, seeds=count)
                    found.append(Comparison("", "", "", count, value, low, high, p=p, side=value))
                none["Holm"].append(all(one.verdict == "undecided" for one in decided(found, [0] * 10)))
                none["each by itself"].append(all(one.p >= 0.05 for one in found))
            label = f"ten comparisons of nothing, {count} seeds{', correlated' if shared else ''}"
            yield label, {name: float(np.mean(held)) for name, held in none.items()}


def correlations(studies: int, random: np.random.Generator) -> Iterator[Row]:
    """LDS: the rank correlation over n groups, of one query and as the mean over five that share the groups."""
    for queries, shared in ((1, 0.0), (5, 0.5), (5, 0.95)):
        for n in (8, 20, 40, 100):
            for truth in (0.0, 0.5, 0.9, 0.995):
                tally = Tally()
                for _ in range(studies):
                    x, y = _normal_pairs(queries, n, truth, shared, random)
                    each = spearman(x, y)
                    value = float(each.mean())
                    left = leave_out(lambda at, x=x, y=y: spearman(x[:, at], y[:, at]), n)
                    tally.add("in use", correlation_interval(value, left, n, ranks=True), truth)
                    tally.add("Bonett–Wright", _bonett_wright(value, n), truth)
                    for name, interval in _bootstrap(
                        lambda at, x=x, y=y: spearman(x[:, at], y[:, at]).mean(0),
                        n,
                        value,
                        left.mean(1),
                        random,
                    ).items():
                        tally.add(name, interval, truth)
                many = f"mean of {queries} queries ({shared:g} shared)" if queries > 1 else "one query"
                yield f"rank correlation {truth}, {n} groups, {many}", tally.shares()


def lines(studies: int, random: np.random.Generator) -> Iterator[Row]:
    """The slope of real on predicted change, and the mean real change."""
    for n in (8, 40):
        for kind in ("normal", "heavy tails", "more noise for larger changes"):
            slope, mean = Tally(), Tally()
            for _ in range(studies):
                x = random.normal(size=n)
                noise = random.standard_t(3, n) if kind == "heavy tails" else random.normal(size=n)
                y = x + 0.5 * noise * (0.3 + np.abs(x) if kind.startswith("more") else 1.0)
                for tally, statistic, truth, fitted in (
                    (slope, lambda at, x=x, y=y: line(x[at], y[at])[0], 1.0, 2),
                    (mean, lambda at, y=y: y[at].mean(-1), 0.0, 1),
                ):
                    value, left = float(statistic(np.arange(n))), leave_out(statistic, n)
                    tally.add("in use", jackknife_interval(value, left, fitted), truth)
                    for name, interval in _bootstrap(statistic, n, value, left, random).items():
                        tally.add(name, interval, truth)
            yield f"slope, {n} groups, {kind}", slope.shares()
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
                    tally.add("percentile", _percentile(drawn), truth)
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
                    tally.add("percentile", _percentile(values), truth[row["metric"]])
            for metric, tally in tallies.items():
                yield f"{metric} {truth[metric]:.3f}, {total} samples, {rate:.0%} wrong", tally.shares()


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


def _levels(count: int, random: np.random.Generator) -> np.ndarray:
    own = random.normal(size=(2, count))
    return own[:, :, None] + own[:, None, :]


def _rankings(count: int, random: np.random.Generator) -> np.ndarray:
    """Two methods of seeds whose scores see one truth, each seed with noise of its own amount."""
    truth = random.normal(size=200)
    noise = random.uniform(0.3, 1.5, size=(2, count, 1)) * random.normal(size=(2, count, 200))
    return np.array([spearman(own[:, None], own[None, :]) for own in truth + noise])


def _over_pairs(table: np.ndarray) -> np.ndarray:
    """Each seed's mean over its pairs [s], of a table of which the upper half counts."""
    count = len(table)
    total = np.zeros(count)
    for i, j in combinations(range(count), 2):
        total[[i, j]] += table[i, j]
    return total / (count - 1)


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


def _bonett_wright(value: float, n: int) -> Interval:
    z, half = (
        np.arctanh(np.clip(value, 1e-12 - 1, 1 - 1e-12)),
        norm.ppf(0.975) * np.sqrt((1 + value**2 / 2) / (n - 3)),
    )
    return float(np.tanh(z - half)), float(np.tanh(z + half))


def _bootstrap(
    statistic: Callable[[np.ndarray], np.ndarray],
    n: int,
    value: float,
    left: np.ndarray,
    random: np.random.Generator,
) -> dict[str, Interval]:
    """The percentile and the bias-corrected and accelerated interval; ``left``: the values without one group."""
    drawn = statistic(random.integers(n, size=(RESAMPLES, n)))
    drawn = np.sort(drawn[np.isfinite(drawn)])
    below = np.clip(((drawn < value).sum() + 0.5 * (drawn == value).sum()) / len(drawn), 1e-3, 1 - 1e-3)
    bias, spread = norm.ppf(below), left.mean() - left
    size = 6 * (spread**2).sum() ** 1.5
    turn = (spread**3).sum() / size if size > 0 else 0.0
    levels = [norm.cdf(bias + (bias + q) / (1 - turn * (bias + q))) for q in norm.ppf([0.025, 0.975])]
    low, high = np.quantile(drawn, levels)
    return {"percentile": _percentile(drawn), "BCa": (float(low), float(high))}


def _percentile(drawn: np.ndarray) -> Interval:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


SECTIONS = {
    "seeds": seeds,
    "families": families,
    "correlations": correlations,
    "lines": lines,
    "shares": shares,
    "detection": detection,
}


def main() -> None:
    """Print the sections that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m tools.interval_coverage", description=__doc__)
    parser.add_argument("--studies", type=int, default=1000, help="simulated studies of each kind")
    parser.add_argument("--only", choices=SECTIONS, help="one section")
    asked = parser.parse_args()
    for name, section in SECTIONS.items():
        if asked.only in (None, name):
            for label, found in section(asked.studies, np.random.default_rng(0)):
                print(f"{label:75s} " + "  ".join(f"{how} {share:.3f}" for how, share in found.items()))


if __name__ == "__main__":
    main()
