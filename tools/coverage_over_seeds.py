"""How often intervals over seeds cover: of means over pairs of seeds, of means over runs, and corrected comparisons."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

from hydra_steps.evaluation.correlation import spearman
from hydra_steps.evaluation.group_intervals import correlation_interval, leave_out
from hydra_steps.evaluation.verdicts import Comparison, decided
from hydra_steps.tables.seed_intervals import mean_interval, p_value, pairs_interval, summary_interval
from tools.coverage import Row, Tally


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


def runs(studies: int, random: np.random.Generator) -> Iterator[Row]:
    """The LDS over 40 groups as the mean over seeds, whose maps differ: of 20,000 seeds the mean is the truth."""
    for middle in (0.5, 0.9, 0.995):
        truth = float(np.mean([spearman(*_run(middle, random)) for _ in range(20_000)]))
        for count in (2, 3, 5):
            tally = Tally()
            for _ in range(studies):
                measured = []
                for _ in range(count):
                    x, y = _run(middle, random)
                    value = float(spearman(x, y))
                    left = spearman(x[_WITHOUT_ONE], y[_WITHOUT_ONE])[:, None]
                    measured.append((value, *correlation_interval(value, left, 40, ranks=True)))
                values, lows, highs = np.array(measured).T
                tally.add("in use", summary_interval("lds", values, lows, highs), truth)
                tally.add("Student", mean_interval(values), truth)
                tally.add("mean of the runs' ends", (float(lows.mean()), float(highs.mean())), truth)
            yield f"mean LDS {truth:.3f} over {count} seeds", tally.shares()


_WITHOUT_ONE = leave_out(lambda at: at, 40)  # [40, 39], for one call instead of forty


def _run(middle: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    r = np.tanh(np.arctanh(middle) + 0.3 * random.normal())
    x = random.normal(size=40)
    return x, r * x + np.sqrt(1 - r * r) * random.normal(size=40)


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
