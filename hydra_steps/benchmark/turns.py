"""The timing study's clock readings: contestants in turns, each between two plain trainings.

A shared machine's speed wanders within seconds. A ratio to what ran next to it, on the same training, does not.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from hydra_steps.benchmark.contestants import PLAIN, Contestant
from hydra_steps.benchmark.timed_run import TimedRun
from hydra_steps.progress import Progress

READINGS, SHORT = 3, 0.4  # readings a turn of a contestant that took fewer seconds in the first
Clock = Callable[[Contestant], float]


def take_turns(
    everyone: Sequence[Contestant], repeats: int, budget: float, clock: Clock | None = None
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The readings (key, number, seconds, plain training's seconds, empty without one), and who was left out with the
    seconds that it would take.

    The first turn warms up and is not counted; in it a contestant over the ``budget`` is left out, and so is one
    that the next smaller of its name, on the same axis or the comparison's, predicts to be.
    """
    rows: list[tuple[Any, ...]] = []
    clock = clock or _seconds
    with Progress(total=(repeats + 1) * len(everyone), desc="timing", unit="run", mininterval=1) as bar:
        present, left_out = _warm_up(everyone, budget, clock, bar)
        bar.total = len(everyone) + repeats * len(present)
        pace = _Pace([contestant for contestant, _ in present], clock)
        for turn in range(repeats):
            for contestant, took in present:
                count = READINGS if took < SHORT else 1
                for number in range(turn * count + 1, (turn + 1) * count + 1):
                    own, plain = pace.read(contestant)
                    rows.append(
                        (*contestant.key, number, f"{own:.6g}", "" if plain is None else f"{plain:.6g}")
                    )
                bar.update()
    return rows, left_out


def _warm_up(
    everyone: Sequence[Contestant], budget: float, clock: Clock, bar: Progress
) -> tuple[list[tuple[Contestant, float]], list[tuple[Any, ...]]]:
    """Those within the budget, and those left out; with their seconds."""
    present, left_out = [], []
    smaller: dict[tuple[str, str], tuple[int, float]] = {}
    for contestant in everyone:
        series = (contestant.name, contestant.axis)
        size, before = smaller.get(series, (contestant.grows, 0.0))
        predicted = before * contestant.grows / size
        took = predicted if predicted > budget else clock(contestant)
        smaller[series] = (contestant.grows, took)
        if took > budget:
            left_out.append((*contestant.key, round(took, 3)))
        else:
            present.append((contestant, took))
        bar.update()
    return present, left_out


class _Pace:
    """Reads a contestant between two plain trainings of the same :class:`TimedRun`; what stands between two
    contestants serves both.
    """

    def __init__(self, present: Sequence[Contestant], clock: Clock) -> None:
        self._clock = clock
        self._plain = {id(contestant.run): contestant for contestant in present if contestant.name == PLAIN}
        # The plain training that ran just before, and its seconds.
        self._last: tuple[TimedRun, float] | None = None

    def read(self, contestant: Contestant) -> tuple[float, float | None]:
        """The seconds of ``contestant``, and the mean of the two plain trainings': its own if it is one."""
        plain = self._plain.get(id(contestant.run))
        if plain is None:  # over the budget
            self._last = None
            return self._clock(contestant), None
        if contestant is plain:
            own = self._clock(contestant)
            self._last = (contestant.run, own)
            return own, own
        run, seconds = self._last or (None, 0.0)
        before = seconds if run is contestant.run else self._clock(plain)
        own, after = self._clock(contestant), self._clock(plain)
        self._last = (contestant.run, after)
        return own, (before + after) / 2


def _seconds(contestant: Contestant) -> float:
    contestant.prepare()
    gc.collect()  # the garbage of the one before is not to be cleared in this one's time
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    began = time.perf_counter()
    contestant.act()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began
