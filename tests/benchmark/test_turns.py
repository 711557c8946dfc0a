"""Who is read when, on a clock that the test moves: pairs, warm-up, budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from hydra_steps.benchmark.contestants import PLAIN, Contestant
from hydra_steps.benchmark.turns import READINGS, take_turns


@dataclass(eq=False)
class Training:
    """A training of some size, which is all that turns ask of it."""

    samples: int = 256
    size: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.size = {"samples": self.samples, "parameters": 10, "steps": 4}


def contestant(name: str, run: Any, axis: str = "main", queries: int = 1) -> Contestant:
    return Contestant(name, run, lambda: None, axis, queries)


class Clock:
    """Seconds by name, times the machine's slowness, which ``slower`` multiplies with every reading."""

    def __init__(self, seconds: dict[str, float], slower: float = 1.0) -> None:
        self.seconds, self.slower, self.slowness = seconds, slower, 1.0
        self.seen: list[str] = []

    def __call__(self, one: Contestant) -> float:
        self.seen.append(one.name)
        self.slowness *= self.slower
        return self.seconds[one.name] * self.slowness * max(one.queries, 1)


def test_each_is_read_between_two_plain_trainings_and_what_stands_between_two_serves_both():
    run: Any = Training()
    everyone = [contestant(name, run) for name in (PLAIN, "exact", "free")]
    clock = Clock({PLAIN: 1.0, "exact": 2.0, "free": 0.5})
    rows, left_out = take_turns(everyone, 2, 100, clock)
    turn = [PLAIN, "exact", PLAIN, "free", PLAIN]
    assert clock.seen == [PLAIN, "exact", "free", *turn, *turn]
    assert not left_out
    assert [(row[0], row[-3]) for row in rows] == [(n, t) for t in (1, 2) for n in (PLAIN, "exact", "free")]


@pytest.mark.parametrize("slower", [1.01, 1.2, 0.9])
def test_a_machine_whose_speed_drifts_hardly_changes_the_ratio(slower):
    run: Any = Training()
    clock = Clock({PLAIN: 1.0, "exact": 2.0}, slower)
    rows, _ = take_turns([contestant(PLAIN, run), contestant("exact", run)], 4, 1e9, clock)
    ratios = [float(row[-2]) / float(row[-1]) for row in rows if row[0] == "exact"]
    middle = 2 * 2 / (slower + 1 / slower)  # a plain training before, one after
    assert ratios == pytest.approx([middle] * 4, rel=1e-4)
    assert abs(middle / 2 - 1) < 1.1 * (slower - 1) ** 2


def test_the_short_are_read_several_times_a_turn():
    run: Any = Training()
    clock = Clock({PLAIN: 0.1, "exact": 0.2, "forward": 3.0})
    rows, _ = take_turns([contestant(name, run) for name in clock.seconds], 5, 100, clock)
    for name, count in ((PLAIN, 5 * READINGS), ("exact", 5 * READINGS), ("forward", 5)):
        assert [row[-3] for row in rows if row[0] == name] == list(range(1, count + 1))


def test_plain_training_is_of_the_same_size():
    small, large = Training(64), Training(512)
    everyone: list[Any] = [contestant(name, run) for run in (small, large) for name in (PLAIN, "exact")]
    clock = Clock({PLAIN: 1.0, "exact": 1.0})
    seconds = lambda one: clock(one) * one.run.samples  # noqa: E731
    rows, _ = take_turns(everyone, 1, 1e9, seconds)
    assert all(float(row[-1]) == row[4] for row in rows)


def test_over_the_budget_one_is_left_out_with_all_that_are_larger():
    run: Any = Training()
    everyone = [
        contestant(PLAIN, run, queries=0),
        *(contestant("exact", run, "queries", q) for q in (1, 4, 64)),
    ]
    clock = Clock({PLAIN: 1.0, "exact": 2.0})
    rows, left_out = take_turns(everyone, 1, 10, clock)
    assert [(row[0], row[2], row[-1]) for row in left_out] == [("exact", 64, 128.0)]
    assert {row[2] for row in rows} == {0, 1, 4}
    assert clock.seen[:3] == [PLAIN, "exact", "exact"]  # predicted, and not run


def test_without_plain_training_there_is_no_ratio():
    run: Any = Training()
    everyone = [contestant(PLAIN, run), contestant("exact", run)]
    rows, left_out = take_turns(everyone, 1, 10, Clock({PLAIN: 11.0, "exact": 1.0}))
    assert [entry[0] for entry in left_out] == [PLAIN]
    assert [row[-1] for row in rows] == [""]
