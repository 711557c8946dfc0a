"""Tiny trainings on random data of a study's shapes, and its queries on them: what is timed instead of the study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hydra_steps.config.datasets import dataset_of, run_shape
from hydra_steps.config.sections import RunSettings
from hydra_steps.data import RunData, Split
from hydra_steps.data.made_up import made_up
from hydra_steps.process.building import build_process
from hydra_steps.process.process import Process
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.trajectory.trajectory import Trajectory

RATE = 1e-3
SLOW = 0.15  # expected seconds of a step from which on it is measured on a part of its batch
FEWEST = 4  # samples of such a part
MOST_QUERIES = 32  # about single samples; more are extrapolated
SPLIT = 64  # samples of the validation and test splits


@dataclass(frozen=True)
class Plan:
    """How small the tiny trainings are.

    ``part`` samples of each batch, ``few`` steps and ``more`` times as many, on splits of ``split`` samples, with the
    queries ``specs``, ``fewer`` times fewer than the study's.
    """

    part: int
    few: int
    more: int
    split: int
    specs: list[dict[str, Any]]
    fewer: float

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Samples and epochs of the three trainings: a first, one of more epochs, one of more samples."""
        samples = self.few * self.part
        return (samples, 1), (samples, self.more), (samples * self.more, 1)


@dataclass(frozen=True)
class Tiny:
    """One tiny training and what is asked of it."""

    process: Process
    trajectory: Trajectory
    queries: QuerySet


def small_plan(
    batch: int, classes: int, queries: Sequence[Mapping[str, Any]], expected: Callable[[int], float]
) -> Plan:
    """Return a plan for a study's batches, classes and queries; ``expected`` gives the seconds of a step of so many
    samples.
    """
    part = batch
    while part > FEWEST and expected(part) > SLOW:
        part = max(FEWEST, part // 2)
    at_ease = int(SLOW * part / expected(part))  # samples whose gradients take about as long as a step may
    most = min(MOST_QUERIES, max(FEWEST, at_ease))
    few, more = -(-max(most, min(classes, MOST_QUERIES)) // part), 2
    if expected(part) < SLOW / 3:
        few, more = max(few, 2), 3
    specs, fewer = small_queries(queries, most)
    return Plan(part, few, more, min(SPLIT, 2 * most), specs, fewer)


def tiny(run: RunSettings, plan: Plan, samples: int, epochs: int) -> Tiny:
    """Train on ``samples`` random samples for ``epochs`` and bind the plan's queries."""
    process, data = tiny_process(run, plan, samples, epochs)
    trajectory = Trajectory.in_memory(process, [RATE] * process.steps)
    return Tiny(process, trajectory, QuerySet(expand_queries(plan.specs, data), data, process))


def tiny_process(run: RunSettings, plan: Plan, samples: int, epochs: int) -> tuple[Process, RunData]:
    """Return the run's process on random data, and these."""
    data = random_data(run, samples, plan.split)
    training = replace(run.training, epochs=epochs, batch_size=plan.part)
    return build_process(replace(run, training=training), data), data


def random_data(run: RunSettings, samples: int, split: int = SPLIT) -> RunData:
    """Return random samples of the shape of the run's dataset; every class is in every split."""
    section = run.data
    shape, entry = run_shape(section), dataset_of(section)
    generator = np.random.default_rng(0)

    def drawn(count: int) -> Split:
        return made_up(entry, shape, count, generator)

    train, other = drawn(samples), max(split, len(entry.classes))
    nothing = np.zeros(samples, dtype=bool)
    about = (entry.outputs, section.name, "random", entry.asks)
    return RunData(train, drawn(other), drawn(other), train.targets, nothing, *about)


def small_queries(queries: Sequence[Mapping[str, Any]], most: int) -> tuple[list[dict[str, Any]], float]:
    """Return the queries with their samples moved to the front of their splits, at most ``most`` of them where it can
    be, and by how much there are fewer.
    """
    asked, used, small = 0, 0, []
    front: dict[tuple[str, str], int] = {}
    for spec in queries:
        if "samples" not in spec and "count" not in spec:
            small.append(dict(spec))
            continue
        count = len(spec["samples"]) if spec.get("samples") is not None else int(spec["count"])
        kept = min(count, most - used)
        asked, used = asked + count, used + kept
        key = (spec["kind"], spec.get("split", "test"))
        start = front.get(key, 0)
        front[key] = start + kept
        chosen = {name: value for name, value in spec.items() if name != "count"}
        small.append({**chosen, "samples": list(range(start, start + kept))})
    return small, asked / used if used else 1.0
