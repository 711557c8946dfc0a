"""Measuring what one training step, one evaluated sample and each method cost, on random data of the right
shape, in a time that is given.

Steps that take long are measured on a part of their batch. What there is no time for is scaled from what was measured,
or nominal (:mod:`~hydra_steps.estimate.nominal`) with the measured step; each number says which (``source``).

Index letters: n samples, t steps, b batch, p parameters, q queries.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from hydra_steps.config.datasets import dataset_of
from hydra_steps.config.sections import RunSettings
from hydra_steps.config.study import Method
from hydra_steps.estimate.budget import Budget, OutOfTime, at_most
from hydra_steps.estimate.meta import run_network
from hydra_steps.estimate.method_costs import Asked, measured_cost, timed
from hydra_steps.estimate.nominal import A100, CORE, nominal, slots_of, step_seconds, width_of
from hydra_steps.estimate.rates import Calibration, MethodCost
from hydra_steps.estimate.tiny import RATE, Plan, Tiny, small_plan, tiny, tiny_process
from hydra_steps.process.building import choose_device
from hydra_steps.process.compute import prepare_compute
from hydra_steps.process.running import evaluate


@dataclass
class Known:
    """What earlier configurations of a study told: how many times the nominal time a step (``pace``) and each method,
    by its label, take, and in which run that was seen; the seconds of a job's ``startup``.
    """

    pace: tuple[float, str] | None = None
    methods: dict[str, tuple[float, str]] = field(default_factory=dict)
    startup: float | None = None


def calibrate(
    run: RunSettings,
    methods: Mapping[str, Method],
    queries: Sequence[Mapping[str, Any]],
    samples: int,
    seconds: float = 45.0,
    known: Known | None = None,
    tell: Callable[[str], object] = lambda label: None,
) -> Calibration:
    """Measure a run's settings with a study's methods and queries, in about so many ``seconds``.

    ``samples`` is the number of training samples n that the study has. ``known`` is read and added to; ``tell`` is
    called with a method's label before that is measured.
    """
    budget, known, name = Budget(seconds), known or Known(), run.run.name
    if known.startup is None:
        known.startup = time.process_time()  # of this process, which has imported what a job imports
    prepare_compute(run.compute)
    net = run_network(run)
    machine = CORE if choose_device(run.compute.device).type == "cpu" else A100

    def expected(batch: int) -> float:
        return step_seconds(net, batch, slots_of(run.training.optimizer), machine) * width_of(run) / 4

    batch = run.training.batch_size
    plan = small_plan(batch, len(dataset_of(run.data).outputs), queries, expected)
    try:
        with at_most(budget.left):
            steps = _measured_steps(run, plan)
    except OutOfTime:
        pace, seen = known.pace or (1.0, "")
        guess = nominal(net, run, methods, queries, machine.slower(pace))
        return replace(guess, startup=known.startup, source=f"scaled from {seen}" if seen else "nominal")
    pace = steps.seconds / expected(plan.part)
    known.pace = known.pace or (pace, name)
    guess = nominal(net, run, methods, queries, machine.slower(pace))
    trainings = _trainings(run, plan, budget)
    part = f"scaled from {plan.part} of {batch} samples" if plan.part < batch else "measured"
    costs: dict[str, MethodCost] = {}
    # Those that leave time over come first.
    order = sorted(methods, key=lambda label: guess.methods[label].seconds(plan.few, plan.few * plan.part))
    for place, label in enumerate(order):
        tell(label)
        twin = next((one for one in costs if _alike(one, label, methods, guess)), None)
        if twin is not None:
            costs[label] = costs[twin].times(1.0, _as(costs[twin].source, twin))
            continue
        asked = Asked(
            methods[label], samples, guess.methods[label], guess.seconds_per_step, steps.seconds, part
        )
        limit = budget.share(len(order) - place)
        costs[label], factor = measured_cost(asked, trainings, plan, limit, known.methods.get(label))
        if factor is not None:
            known.methods.setdefault(label, (factor, name))
    seen_whole = plan.part == batch and len(trainings) == len(plan.sizes)
    return replace(
        guess,
        seconds_per_evaluated_sample=steps.seconds_per_evaluated_sample,
        methods={label: costs[label] for label in methods},
        startup=known.startup,
        training_memory=max(steps.memory, 0 if plan.part == batch else guess.training_memory),
        scoring_memory=max(peak_memory(), 0 if seen_whole else guess.scoring_memory),
        source=part,
    )


def _alike(one: str, other: str, methods: Mapping[str, Method], guess: Calibration) -> bool:
    """Whether two labels are one method, with options that change nothing in its nominal cost (a damping)."""
    same = methods[one].method == methods[other].method
    return same and guess.methods[one] == guess.methods[other]


def _as(source: str, twin: str) -> str:
    return f"scaled from {twin}" if source == "measured" else source


def peak_memory() -> int:
    """Return the largest resident memory of this process so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@dataclass(frozen=True)
class _Steps:
    """``seconds`` of a step of the plan's part of a batch and of an evaluated sample; the process's peak in bytes."""

    seconds: float
    seconds_per_evaluated_sample: float
    memory: int


def _measured_steps(run: RunSettings, plan: Plan) -> _Steps:
    process, data = tiny_process(run, plan, plan.few * plan.part, 1)
    initial = process.initial_state()
    process.step(initial, 0, RATE)  # the first call chooses kernels
    seconds = timed(partial(process.step, initial, 0, RATE))[0]
    inputs, targets = process.place(data.train.inputs), process.place(data.train.targets)
    evaluating = timed(partial(evaluate, process, initial, inputs, targets))[0]
    return _Steps(seconds, evaluating / len(targets), peak_memory())


def _trainings(run: RunSettings, plan: Plan, budget: Budget) -> list[Tiny]:
    """Make the plan's tiny trainings, as many of them as half the time allows."""
    made: list[Tiny] = []
    try:
        with at_most(budget.share(2)):
            for samples, epochs in plan.sizes:
                made.append(tiny(run, plan, samples, epochs))
    except OutOfTime:
        pass
    return made
