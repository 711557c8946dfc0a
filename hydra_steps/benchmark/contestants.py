"""What the timing study times: training in its forms, HyDRA in its forms, the study's other methods, and their sizes.

Each contestant is one call on a :class:`~hydra_steps.benchmark.timed_run.TimedRun`. Those of the axis ``main`` are the
comparison; the others make one of them larger along one axis: ``queries``, ``tracked`` samples of the forward
recurrence, ``samples`` (at the same number of epochs), ``steps`` (at the same samples), ``parameters`` (a perceptron
with one hidden layer, since LeNet-5 has one size). A training with its record goes ``record_epochs`` times over
``record_samples``, so that creating and finishing the store and the ends of the epochs count for what they are; beside
it, on the axis ``record``, a plain one as long.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from hydra_steps.benchmark.captum_tracin import captum_tracin, serves
from hydra_steps.benchmark.timed_run import TimedRun
from hydra_steps.config.experiments import Benchmark
from hydra_steps.config.sections import Model, RunSettings
from hydra_steps.config.sections import Trajectory as TrajectorySection
from hydra_steps.config.study import Method
from hydra_steps.data import RunData, Split
from hydra_steps.machine import bytes_in
from hydra_steps.process.running import run as run_process
from hydra_steps.scoring.hydra import hydra_exact, hydra_gauss_newton, hydra_hessian_free
from hydra_steps.scoring.hydra_forward import hydra_forward
from hydra_steps.scoring.methods import method_of
from hydra_steps.scoring.tracin import tracin
from hydra_steps.trajectory.training import record_training

MAIN, RECORD = "main", "record"
PLAIN = "plain_training"
SWEEPS = (hydra_exact, hydra_gauss_newton, hydra_hessian_free)
# Methods that are timed in ways of their own, or, of many trainings, not at all.
APART = (*(sweep.__name__ for sweep in SWEEPS), "hydra_forward", "hydra_averaged", "tracin")


@dataclass(frozen=True)
class Contestant:
    """``act`` is what is timed, ``prepare`` what comes before it untimed. ``key`` tells contestants apart, ``grows`` is
    its size along its axis (what its time is expected to be proportional to), and ``kept`` the bytes that it keeps
    besides the states it reads.
    """

    name: str
    run: TimedRun
    act: Callable[[], Any]
    axis: str = MAIN
    queries: int = 0
    tracked: int = 0
    kept: Callable[[], int] = field(default=lambda: 0)
    prepare: Callable[[], Any] = field(default=lambda: None)

    @property
    def key(self) -> tuple[str, str, int, int, int, int, int]:
        size = self.run.size
        return (
            *(self.name, self.axis, self.queries, self.tracked),
            *(size["samples"], size["parameters"], size["steps"]),
        )

    @property
    def grows(self) -> int:
        sizes = {"queries": self.queries, "tracked": self.tracked, **self.run.size}
        return sizes.get(self.axis, 1)


def contestants(
    settings: RunSettings,
    data: RunData,
    chosen: Benchmark,
    methods: Mapping[str, Method],
    folder: Path,
) -> list[Contestant]:
    """All contestants of a run, those of one name in rising size.

    ``methods`` are the study's, by label; ``folder`` takes the records that training writes.
    """
    samples, epochs = chosen.samples, chosen.epochs
    main = TimedRun(settings, data, samples, epochs)
    found = comparison(main, chosen, methods, folder)
    for count in chosen.queries:
        if count > 1:
            found += _sweeps(main, "queries", count) + _tracins(main, methods, "queries", count)
    for count in sorted(chosen.tracked)[1:]:
        found += _forward(main, count, "tracked")
    scaling = chosen.scaling
    sizes: dict[str, list[tuple[int, int, Model | None]]] = {
        "samples": [(n, epochs, None) for n in scaling.samples if n != samples],
        "steps": [(samples, e, None) for e in scaling.epochs if e != epochs],
        "parameters": [(samples, epochs, Model.of({"name": "mlp", "hidden": [w]})) for w in scaling.widths],
    }
    for axis, runs in sizes.items():
        for n, e, model in runs:
            other = TimedRun(settings, data, n, e, model)
            found += [Contestant(PLAIN, other, other.plain_training(), axis), *_sweeps(other, axis)]
    return found


def comparison(
    run: TimedRun, chosen: Benchmark, methods: Mapping[str, Method], folder: Path
) -> list[Contestant]:
    """The contestants of the axis ``main``, all on the same run: one query, the fewest tracked samples."""
    forward = [c for count in sorted(chosen.tracked)[:1] for c in _forward(run, count)]
    recorded = chosen.record_samples or len(run.whole.train)
    longer = TimedRun(run.settings, run.whole, recorded, chosen.record_epochs)
    return [*_training(run), *_records(longer, folder), *_sweeps(run), *_rivals(run, methods), *forward]


def _training(run: TimedRun) -> Iterator[Contestant]:
    process = run.process
    yield Contestant(PLAIN, run, run.plain_training())
    yield Contestant("training", run, lambda: run_process(process, process.initial_state(), run.rates))


def _records(run: TimedRun, folder: Path) -> Iterator[Contestant]:
    yield Contestant(PLAIN, run, run.plain_training(), RECORD)
    for keep in ("all", "sqrt"):
        act, kept = partial(record, run, keep, folder), partial(bytes_in, folder / keep)
        prepare = partial(shutil.rmtree, folder / keep, ignore_errors=True)
        yield Contestant(f"training_keep_{keep}", run, act, kept=kept, prepare=prepare)


def record(run: TimedRun, keep: str, folder: Path) -> None:
    """Training with its record under the policy ``keep``; evaluation after the epochs is left out (empty splits)."""
    nothing = Split(run.data.test.inputs[:0], run.data.test.targets[:0], run.data.test.source_index[:0])
    unevaluated = replace(run.data, validation=nothing, test=nothing)
    kept = replace(run.settings, trajectory=TrajectorySection(keep=keep))
    record_training(run.process, unevaluated, kept, folder / f"scratch-{keep}", folder / keep)


def _sweeps(run: TimedRun, axis: str = MAIN, count: int = 1) -> list[Contestant]:
    queries = run.queries(count)
    found = [
        Contestant(s.__name__, run, partial(score, s, run, queries), axis, count, run.process.samples)
        for s in SWEEPS
    ]
    if axis == MAIN:
        replayed = partial(_score_replayed, run, queries)
        found.append(Contestant("hydra_exact_keep_sqrt", run, replayed, axis, count, run.process.samples))
    return found


def score(method: Callable[..., Any], run: TimedRun, queries: Any, **options: Any) -> Any:
    return method(run.trajectory, queries, **options)


def _score_replayed(run: TimedRun, queries: Any) -> Any:
    return hydra_exact(run.sparse, queries)


def _rivals(run: TimedRun, methods: Mapping[str, Method]) -> list[Contestant]:
    """The study's methods that are no form of HyDRA, with its options and one query."""
    queries, found = run.queries(1), []
    for label, method in methods.items():
        entry, function = method_of(label, method)
        if entry.name not in APART:
            act = partial(score, function, run, queries)
            found.append(Contestant(label, run, act, MAIN, 1, run.process.samples))
    return found + _tracins(run, methods)


def _tracins(
    run: TimedRun, methods: Mapping[str, Method], axis: str = MAIN, count: int = 1
) -> list[Contestant]:
    """TracIn at the ends of all epochs, ours and, of classes of real inputs, captum's, where the study has it."""
    if not any((method.method or label) == "tracin" for label, method in methods.items()):
        return []
    queries, n = run.queries(count), run.process.samples
    found = [Contestant("tracin", run, partial(score, tracin, run, queries), axis, count, n)]
    if serves(run):
        theirs = partial(captum_tracin, run, queries)
        found.append(Contestant("captum_tracincp", run, theirs, axis, count, n))
    return found


def _forward(run: TimedRun, count: int, axis: str = MAIN) -> list[Contestant]:
    """The paper's recurrence: it keeps a hypergradient and its momentum per tracked sample, and no states."""
    queries, tracked = run.queries(1), list(range(min(count, run.process.samples)))
    found = []
    for hessian in (True, False):
        name = "hydra_forward" if hessian else "hydra_forward_hessian_free"
        act = partial(score, hydra_forward, run, queries, samples=tracked, hessian=hessian)
        kept = partial(_times, len(tracked), run)
        found.append(Contestant(name, run, act, axis, 1, len(tracked), kept))
    return found


def _times(tracked: int, run: TimedRun) -> int:
    return tracked * run.state_bytes


def stored_bytes(contestant: Contestant) -> int:
    """What must be kept from the training for this contestant, once it has run: the states that it read, or for the
    forward recurrence, which runs along with the training, its hypergradients; for training, its record.
    """
    kept = contestant.kept()
    return kept if kept else len(contestant.run.read) * contestant.run.state_bytes
