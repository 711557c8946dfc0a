"""Measuring what one training step, one evaluated sample and each method cost, on random data of the right
shape.

A method's time is taken as  fixed + a · T + b · n  (steps T, training samples n) and the three are measured
on three tiny trainings: few steps, more steps on the same samples, more samples in as many steps. Cost:
seconds to a minute, by the size of the model and the number of methods.

Index letters: n samples, t steps, b batch, p parameters, q queries.
"""

from __future__ import annotations

import contextlib
import io
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from hydra_steps.data import RunData, Split
from hydra_steps.data.registry import dataset
from hydra_steps.data.run_data import run_image_shape
from hydra_steps.errors import StudyError
from hydra_steps.estimate.rates import Calibration, MethodCost
from hydra_steps.process.compute import prepare_compute
from hydra_steps.process.process import Process, build_process
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import evaluate
from hydra_steps.scoring.registry import get_scorer
from hydra_steps.trajectory.trajectory import Trajectory

SLOW = 0.3  # seconds of a step from which on the tiny trainings are as small as they can be
RATE = 1e-3
MOST_QUERIES = 32  # more are extrapolated
FEW_ITERATIONS = 10  # show what an iteration costs
SPLIT = 64  # samples of the tiny validation and test splits, at least


@dataclass(frozen=True)
class _Tiny:
    """One tiny training and what is asked of it."""

    process: Process
    trajectory: Trajectory
    queries: QuerySet


def calibrate(
    run: Mapping[str, Any],
    methods: Mapping[str, Mapping[str, Any]],
    queries: Sequence[Mapping[str, Any]],
    samples: int,
) -> Calibration:
    """Measure a run's configuration (sections data, model, training, compute, seed) with a study's methods
    and queries.

    ``samples`` is the number of training samples n that the study has.
    """
    startup = time.process_time()  # of this process, which has imported what a job imports
    prepare_compute(run)
    batch = int(run["training"]["batch_size"])
    few = -(-MOST_QUERIES // batch)
    process, data = _build(run, few * batch, 1)
    initial = process.initial_state()
    process.step(initial, 0, RATE)  # the first call chooses kernels
    per_step = _timed(partial(process.step, initial, 0, RATE))[0]
    images = torch.tensor(data.train.images).to(process.device, process.dtype)
    labels = torch.tensor(data.train.labels).to(process.device)
    evaluating = _timed(partial(evaluate, process, initial, images, labels))[0]
    training_memory = peak_memory()
    specs, more_queries = small_queries(queries)
    few, more = (few, 2) if per_step > SLOW else (max(few, 2), 3)
    tiny = [_tiny(run, specs, few * batch, 1), _tiny(run, specs, few * batch, more)]
    tiny.append(_tiny(run, specs, few * more * batch, 1))
    costs = {label: _method(options, tiny, samples, more_queries) for label, options in methods.items()}
    return Calibration(
        parameters=initial.parameters.numel(),
        slots=len(initial.slots),
        buffers=initial.buffers.numel(),
        seconds_per_step=per_step,
        seconds_per_evaluated_sample=evaluating / len(labels),
        methods=costs,
        startup=startup,
        training_memory=training_memory,
        scoring_memory=peak_memory(),
    )


def small_queries(queries: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], float]:
    """Return the queries with their samples moved to the front of their splits, and by how much there are
    fewer.
    """
    asked, used, small = 0, 0, []
    front: dict[tuple[str, str], int] = {}
    for spec in queries:
        if "samples" not in spec and "count" not in spec:
            small.append(dict(spec))
            continue
        count = len(spec["samples"]) if spec.get("samples") is not None else int(spec["count"])
        kept = min(count, MOST_QUERIES - used)
        asked, used = asked + count, used + kept
        key = (spec["kind"], spec.get("split", "test"))
        start = front.get(key, 0)
        front[key] = start + kept
        chosen = {name: value for name, value in spec.items() if name != "count"}
        small.append({**chosen, "samples": list(range(start, start + kept))})
    return small, asked / used if used else 1.0


def random_data(run: Mapping[str, Any], samples: int) -> RunData:
    """Return random images and labels of the shape of the run's dataset; every class is in every split."""
    section = run["data"]
    shape = run_image_shape(section["name"], section.get("pad", 0), section.get("channels"))
    classes = dataset(section["name"]).classes
    generator = np.random.default_rng(0)

    def split(count: int) -> Split:
        images = generator.standard_normal((count, *shape), dtype=np.float32)
        return Split(images, np.arange(count) % len(classes), np.arange(count))

    train, other = split(samples), max(SPLIT, len(classes))
    nothing = np.zeros(samples, dtype=bool)
    return RunData(
        train, split(other), split(other), train.labels, nothing, classes, section["name"], "random"
    )


def peak_memory() -> int:
    """Return the largest resident memory of this process so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _build(run: Mapping[str, Any], samples: int, epochs: int) -> tuple[Process, RunData]:
    data = random_data(run, samples)
    return build_process({**run, "training": {**run["training"], "epochs": epochs}}, data), data


def _tiny(run: Mapping[str, Any], specs: Sequence[Mapping[str, Any]], samples: int, epochs: int) -> _Tiny:
    process, data = _build(run, samples, epochs)
    trajectory = Trajectory.in_memory(process, [RATE] * process.steps)
    return _Tiny(process, trajectory, QuerySet(expand_queries(specs, data), data, process))


def _method(
    options: Mapping[str, Any], tiny: Sequence[_Tiny], samples: int, more_queries: float
) -> MethodCost:
    """Fit one method's cost to three tiny trainings: a first, one of more epochs, one of more samples.

    ``samples`` is the study's own n, ``more_queries`` how many times as many queries it has.
    """
    chosen, more_tracked = _few_tracked(options, samples)
    if "iterations" in chosen:
        chosen["iterations"] = min(int(chosen["iterations"]), FEW_ITERATIONS)
    function = get_scorer(options["method"]).function
    measured, more_passes = [], 1.0
    for one in tiny:
        try:
            seconds, result = _timed(partial(function, one.trajectory, one.queries, chosen))
        except StudyError as error:
            return MethodCost(problem=error.found)
        measured.append(seconds)
        found = result.diagnostics.get("iterations")
        if found and "iterations" in options:  # as many as it may take, not as many as the tiny problem took
            taken = float(np.mean(found))  # one number, or one for each repeat
            more_passes = max(1.0, float(options["iterations"]) / taken)
    (first, longer, larger), (few, steps, wide) = measured, [one.process for one in tiny]
    per_step = max(0.0, longer - first) / (steps.steps - few.steps)
    extra = larger - first - per_step * (wide.steps - few.steps)
    per_sample = max(0.0, extra) / (wide.samples - few.samples)
    fixed = max(0.0, first - per_step * few.steps - per_sample * few.samples)
    scale = more_queries * more_tracked
    # The repeats of a series on random batches cost the same for any number of samples.
    more_fixed = more_queries * more_passes if "repeats" in options else 1.0
    return MethodCost(fixed * more_fixed, per_step * scale, per_sample * more_queries * more_passes)


def _few_tracked(options: Mapping[str, Any], samples: int) -> tuple[dict[str, Any], float]:
    """Let the forward recurrence, whose cost grows with the samples that it tracks, track one; and say how
    many more.
    """
    if options["method"] != "hydra_forward":
        return dict(options), 1.0
    listed = options.get("samples")
    tracked = max(1, round(options.get("fraction", 0.01) * samples)) if listed is None else len(listed)
    return {**options, "samples": [0]}, float(tracked)


def _timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Return the least time of a few calls, made without their progress bars, and what the last one returned."""
    best, began, result = float("inf"), time.perf_counter(), None
    for _ in range(3):
        start = time.perf_counter()
        with contextlib.redirect_stderr(io.StringIO()):
            result = function()
        best = min(best, time.perf_counter() - start)
        if time.perf_counter() - began > 2.0:
            break
    return best, result
