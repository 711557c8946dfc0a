"""Measuring one method on tiny trainings, in a time that is given.

Its time is taken as  fixed + a · T + b · n  (steps T, training samples n); the three are fitted to three trainings: few
steps, more steps on the same samples, more samples in as many steps. Where there is time for the first alone, or for
none, the nominal cost is scaled by what it was off there, or in another run of the study.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from hydra_steps.config.study import Method
from hydra_steps.estimate.budget import OutOfTime, at_most
from hydra_steps.estimate.nominal import SPLIT, method_cost
from hydra_steps.estimate.rates import MethodCost
from hydra_steps.estimate.tiny import Plan, Tiny
from hydra_steps.scoring.methods import method_of

FEW_ITERATIONS = 10  # show what an iteration costs
REPEATED = 2.0  # seconds after which a short call is not repeated
HOPELESS = 4.0  # times the limit that a method is expected to take and is not begun
WRONG = 10.0  # times that a nominal cost may be off, both ways


@dataclass(frozen=True)
class Asked:
    """A ``method`` and what is known beside them: the study's ``samples`` n, the ``nominal`` cost, the
    seconds of its ``step`` and of the one that is measured, of a ``part`` of a batch, and how that one is known.
    """

    method: Method
    samples: int
    nominal: MethodCost
    step: float
    part_step: float
    part: str


def measured_cost(
    asked: Asked, trainings: Sequence[Tiny], plan: Plan, limit: float, seen: tuple[float, str] | None
) -> tuple[MethodCost, float | None]:
    """Return a method's cost, measured in at most ``limit`` seconds, and how many times the nominal one it was on the
    first training; None where it was not run there. ``seen``: that of another run, with its name.
    """
    chosen, more_tracked = _few_tracked(asked.method, asked.samples)
    if "iterations" in chosen.options:
        few = min(int(chosen.options["iterations"]), FEW_ITERATIONS)
        chosen = replace(chosen, options={**chosen.options, "iterations": few})
    seconds: list[float] = []
    passes = 1.0
    expected = _expected(asked, chosen, trainings[0], plan) if trainings else 0.0
    _, function = method_of(chosen.method, chosen)
    try:
        if expected * (seen or (1.0, ""))[0] > HOPELESS * limit:
            raise OutOfTime
        with at_most(limit):
            for one in trainings:
                taken, result = timed(partial(function, one.trajectory, one.queries), limit / 9)
                seconds.append(taken)
                found = result.diagnostics.get("iterations")
                if (
                    found and "iterations" in asked.method.options
                ):  # as many as it may take, not as the tiny problem took
                    passes = max(1.0, float(asked.method.options["iterations"]) / float(np.mean(found)))
    except OutOfTime:
        pass
    except Exception as error:  # a dozen random samples are no study
        reason = (str(error) or type(error).__name__).splitlines()[0]
        return replace(asked.nominal, source=f"nominal; on random data: {reason}"), None
    factor = min(WRONG, max(1 / WRONG, seconds[0] / expected)) if seconds else None
    if len(seconds) == len(plan.sizes):
        cost = _fitted(
            seconds, trainings, plan.fewer, more_tracked, passes, "repeats" in asked.method.options
        )
        return replace(cost, per_step=cost.per_step * asked.step / asked.part_step, source=asked.part), factor
    if factor is not None:
        return asked.nominal.times(factor, "scaled from a short training"), factor
    if seen is not None:
        return asked.nominal.times(seen[0], f"scaled from {seen[1]}"), None
    return asked.nominal, None


def timed(function: Callable[[], Any], repeated: float = REPEATED) -> tuple[float, Any]:
    """Return the least time of up to three calls, made without their progress bars, and what the last one returned.

    No further one is begun once they took ``repeated`` seconds, 2 at most.
    """
    best, began, result = float("inf"), time.perf_counter(), None
    for _ in range(3):
        start = time.perf_counter()
        with contextlib.redirect_stderr(io.StringIO()):
            result = function()
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
        if time.perf_counter() - began > min(repeated, REPEATED):
            break
    return best, result


def _expected(asked: Asked, chosen: Method, first: Tiny, plan: Plan) -> float:
    """Return the nominal seconds of the first training, whose splits are smaller than a typical study's."""
    samples, epochs = plan.sizes[0]
    sizes = {"batch": plan.part, "samples": samples, "epochs": epochs, "queries": len(first.queries)}
    cost = method_cost(chosen, asked.part_step, **sizes)
    return replace(cost, fixed=cost.fixed * plan.split / SPLIT).seconds(plan.few, samples)


def _fitted(
    seconds: Sequence[float],
    trainings: Sequence[Tiny],
    fewer: float,
    tracked: float,
    passes: float,
    repeats: bool,
) -> MethodCost:
    """Fit the cost to a first training, one of more epochs, and one of more samples.

    The study has ``fewer`` times as many queries, ``tracked`` times as many samples to carry forward, and takes
    ``passes`` times as many iterations; a series with ``repeats`` works on batches of the same size for any n.
    """
    (first, longer, larger), (few, steps, wide) = seconds, [one.process for one in trainings]
    per_step = max(0.0, longer - first) / (steps.steps - few.steps)
    extra = larger - first - per_step * (wide.steps - few.steps)
    per_sample = max(0.0, extra) / (wide.samples - few.samples)
    fixed = max(0.0, first - per_step * few.steps - per_sample * few.samples)
    more_fixed = fewer * passes if repeats else 1.0
    return MethodCost(fixed * more_fixed, per_step * fewer * tracked, per_sample * fewer * passes)


def _few_tracked(method: Method, samples: int) -> tuple[Method, float]:
    """Let the forward recurrence, whose cost grows with the samples that it tracks, track one; and say how
    many more.
    """
    if method.method != "hydra_forward":
        return method, 1.0
    listed = method.options["samples"]
    tracked = max(1, round(method.options["fraction"] * samples)) if listed is None else len(listed)
    return replace(method, options={**method.options, "samples": [0]}), float(tracked)
