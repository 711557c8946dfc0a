"""Trainings near the run: at other data weights, and from fresh seeds. Each is recorded in memory and swept backwards.

A derivative predicts small changes around the data weights at which it is taken. What is removed from a training
moves them far: so the derivative is taken at other weights w than all one, along the training made with them. A fresh
seed has initial parameters and an order of its own, and nothing else differs.

Cost of each: one training and one sweep; from a fresh seed with a rate that reacts to the validation loss, one
training more. Trainings that differ in their weights alone are done together where :mod:`hydra_steps.process.together`
has them at once, a quarter to a half of their time each. Memory: one recorded training, at most ``BUDGET`` bytes of
states (the others are replayed), or several that fit it whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice

import torch
from torch import Tensor

from hydra_steps.data.seeding import generator_of
from hydra_steps.process.linearised import Curvature
from hydra_steps.process.process import Process
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.process.state import State
from hydra_steps.process.together import at_once, one_by_one, run_together
from hydra_steps.scoring.sweep import reverse_sweep
from hydra_steps.tangents.kinks import counted_kinks
from hydra_steps.trajectory.keep import checkpoint_steps
from hydra_steps.trajectory.trajectory import Trajectory

BUDGET = 10**9  # bytes of states of one run in memory


def retrained(trajectory: Trajectory, weights: Tensor) -> Trajectory:
    """The same training at other data weights [n]: same seed, order, rates and noise; recorded in memory.

    Of a trajectory that begins later (a window) the weights count from there on.
    """
    process = trajectory.process
    start = trajectory.load(trajectory.first)
    size = _bytes(start)
    keep = checkpoint_steps({"budget": f"{max(BUDGET, 4 * size)}"}, process.steps, size)
    return Trajectory.in_memory(process, trajectory.rates, keep, weights, (trajectory.first, start))


def retrained_in_turn(draws: Iterable[tuple[Trajectory, Tensor]]) -> Iterator[Trajectory]:
    """:func:`retrained` of each pair of a trajectory and data weights [n], in their order; where trainings go together,
    equal to it up to round-off, whatever the company.
    """
    for _, group in groupby(draws, key=lambda drawn: id(drawn[0])):
        pairs = iter(group)
        while several := list(islice(pairs, 1)):
            source = several[0][0]
            states = source.process.steps - source.first + 1
            size = min(at_once(source.process), BUDGET // (states * _bytes(source.load(source.first))))
            if size < 2:
                yield retrained(*several[0])
                continue
            several += islice(pairs, size - 1)
            yield from _retrained_together(source, torch.stack([weights for _, weights in several]))


def _retrained_together(source: Trajectory, weights: Tensor) -> list[Trajectory]:
    """k trainings at data ``weights`` [k, n], with all their states in memory."""
    process, start = source.process, source.load(source.first)
    states = {source.first: [start] * len(weights)}

    def keep(step: int, losses: Tensor, after: State) -> None:
        states[step + 1] = one_by_one(after)

    run_together(process, source.rates, weights, keep, (source.first, start))

    def loaded(place: int) -> Callable[[int], State]:
        return lambda step: states[step][place]

    return [
        Trajectory(process, source.rates, sorted(states), loaded(place), row)
        for place, row in enumerate(weights)
    ]


def _bytes(state: State) -> int:
    return sum(part.numel() * part.element_size() for part in state)


def sources(trajectory: Trajectory, seeds: int) -> Iterator[Trajectory]:
    """What a score is averaged over: the run itself for ``seeds`` 0, else so many trainings from fresh seeds.

    A source that is not the run has a process and rates, and no states: it is there to be retrained.
    """
    if not seeds:
        yield trajectory
    for number in range(seeds):
        yield trajectory.from_seed(score_seed(trajectory.process.seed, number)).since(trajectory.first)


def score_seed(seed: int, number: int) -> int:
    """The seed of the ``number``-th fresh training of a run's score: no run's, and no ground truth's."""
    return int(generator_of(seed, "scores", 0.0, number).integers(2**31, 2**32))


def swept(
    nearby: Trajectory,
    queries: QuerySet,
    curvature: Curvature,
    queries_at_once: int | None,
    kink_width: float = 0.0,
) -> Tensor:
    """c [q, n] float64 along a training; a query looks at architecture and loss, which no seed changes.

    ``kink_width``: how the exact Hessian counts the kinks of ReLUs (:mod:`hydra_steps.tangents.kinks`).
    """
    cotangents = queries.cotangents(nearby.final_state)
    chunk = queries_at_once or len(queries) or 1
    parts = (State(*(rows[i : i + chunk] for rows in cotangents)) for i in range(0, len(queries), chunk))
    with counted_kinks(kink_width):
        rows = [reverse_sweep(nearby, part, curvature).contribution for part in parts]
    return torch.cat(rows) if rows else torch.zeros(0, nearby.process.samples, dtype=torch.float64)


def uniform(process: Process, weight: float) -> Tensor:
    """Data weights [n], all alike."""
    return torch.full((process.samples,), weight, dtype=process.dtype, device=process.device)
