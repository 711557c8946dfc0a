"""How far a run is: which steps are done, how long they took, and how long the rest may take.

A step is all jobs of a rule; the tables and the figures are one step each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

TARGETS = ("all", "tables", "figures", "report", "benchmark", "total")  # they do nothing themselves
GROUPS = {"evaluate_": "tables", "plot_figure": "figures", "fetch_data": "fetch_data"}


def step_of(rule: str) -> str:
    """Return the step that a rule belongs to; an empty text for a target."""
    if rule in TARGETS:
        return ""
    return next((step for start, step in GROUPS.items() if rule.startswith(start)), rule)


@dataclass
class Steps:
    """The jobs of a run, as its events tell of them; times are seconds of one clock."""

    began: float = 0.0
    planned: dict[str, int] = field(default_factory=dict)  # jobs of each step
    running: dict[int, tuple[str, float]] = field(default_factory=dict)  # job → step, start
    first: dict[str, float] = field(default_factory=dict)  # when a step began
    spent: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # seconds of each job

    def plan(self, jobs: Mapping[str, int], now: float) -> None:
        """Take the number of jobs of each rule."""
        self.began = now
        for rule, number in jobs.items():
            if step := step_of(rule):
                self.planned[step] = self.planned.get(step, 0) + number

    def start(self, job: int, rule: str, now: float) -> None:
        """A job of a rule begins."""
        if step := step_of(rule):
            self.running[job] = (step, now)
            self.first.setdefault(step, now)

    def end(self, job: int, now: float) -> tuple[str, int, float] | None:
        """A job is done; return step, jobs and seconds where it was the last one of its step."""
        step, start = self.running.pop(job, ("", now))
        if not step:
            return None
        self.spent[step].append(now - start)
        done = len(self.spent[step])
        return (step, done, now - self.first[step]) if done == self.planned.get(step) else None

    @property
    def done(self) -> int:
        """Jobs that are done."""
        return sum(map(len, self.spent.values()))

    @property
    def total(self) -> int:
        """All jobs."""
        return sum(self.planned.values())

    def remaining(self, now: float) -> float | None:
        """Return the seconds that the rest may take; None before anything is known.

        A job that is not done takes what others of its step took, or of all steps where its own has none, and as many
        run at once as did so far.
        """
        known = [seconds for step in self.spent.values() for seconds in step]
        elapsed = now - self.began
        if not known or elapsed <= 0:
            return None
        typical = sum(known) / len(known)
        left = 0.0
        for step, number in self.planned.items():
            took = self.spent.get(step, [])
            left += (number - len(took)) * (sum(took) / len(took) if took else typical)
        left -= sum(min(now - start, typical) for _, start in self.running.values())
        worked = sum(known) + sum(now - start for _, start in self.running.values())
        return max(left, 0.0) / max(worked / elapsed, 0.5)


def clock(seconds: float) -> str:
    """Return seconds as minutes and seconds: ``1:04``, ``2:03:04``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
