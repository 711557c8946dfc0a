"""Seconds, bytes and memory of one run's jobs, from its sizes and what its steps cost. Imports no torch.

The sizes come from a study's configuration, or describe a run that nobody could start here (``scale``).
Index letters: n training samples, T steps, q queries.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra_steps.config import explored_runs
from hydra_steps.config.datasets import dataset_of, run_shape, size_of
from hydra_steps.config.designs import batch_bounds
from hydra_steps.config.queries import study_queries
from hydra_steps.config.runs import PlainStudy, run_settings
from hydra_steps.config.split_sizes import sizes_of
from hydra_steps.estimate.rates import Calibration, Held
from hydra_steps.machine import Available
from hydra_steps.queries.query import Query
from hydra_steps.registry import find
from hydra_steps.trajectory.arrays import BLOCK_BYTES, Shape, state_bytes, states_at_once
from hydra_steps.trajectory.keep import checkpoint_steps

Job = tuple[float, float, float]  # seconds, bytes on disk, bytes of memory


@dataclass(frozen=True)
class RunSize:
    """What the costs of a run follow from.

    ``samples`` of the splits train, validation and test; ``queries`` q, and ``asked``, over how many samples their
    gradients go; ``data_memory`` bytes of the samples in a job; ``by_epoch``, the methods whose scores are kept by
    epoch. ``passes``: trainings that its training takes; one that stops early counts its steps first.
    """

    samples: Mapping[str, int]
    epochs: int
    batch: int
    queries: int
    asked: int
    dtype: str
    keep: str | Mapping[str, Any]
    data_memory: float
    by_epoch: frozenset[str] = field(default_factory=frozenset)
    passes: int = 1

    @property
    def steps(self) -> int:
        return self.epochs * math.ceil(self.samples["train"] / self.batch)


def run_size(study: PlainStudy, run: str) -> RunSize:
    """Return the sizes of a study's run."""
    settings = run_settings(study, run)
    data, dtype = settings.data, settings.compute.dtype
    entry, sizes = dataset_of(data), sizes_of(data)
    asked = study_queries(study, data)
    # The published parts as bytes, the splits as float32, and a copy of them as tensors.
    raw = sum(entry.parts.values()) * entry.numbers
    shape = run_shape(data)
    splits = sum(sizes.values()) * size_of(shape)
    explored = run in explored_runs(study) and study["explorer"]["by_epoch"]
    labels = study["methods"].items()
    return RunSize(
        samples=sizes,
        epochs=settings.training.epochs,
        batch=settings.training.batch_size,
        queries=len(asked),
        asked=_samples_asked(asked, sizes),
        dtype=dtype,
        keep=settings.trajectory.keep,
        data_memory=raw + splits * (4.0 + (8 if dtype == "float64" else 4)),
        by_epoch=frozenset(label for label, of in labels if explored and keeps_epochs(of["method"])),
        passes=1 if settings.training.early_stopping is None else 2,
    )


def keeps_epochs(method: str) -> bool:
    """Say whether the method can keep contributions by epoch, of which the explorer keeps more."""
    return bool(find("method", method).traits["by_epoch"])


class RunCosts:
    """The jobs of a run of this size, whose steps and methods cost what was ``measured``.

    ``keep: auto`` is decided by what is ``there``; by default nothing is known of the disk, and few states are kept.
    """

    def __init__(self, size: RunSize, measured: Calibration, there: Available | None = None) -> None:
        self.size, self.measured = size, measured
        self.state = state_bytes(measured.parameters, measured.slots, measured.buffers, size.dtype)
        checkpoints = checkpoint_steps(size.keep, size.steps, self.state, there)
        self.shape = Shape(
            size.steps,
            size.batch,
            measured.parameters,
            measured.slots,
            measured.buffers,
            size.dtype,
            checkpoints,
        )
        self.gap = checkpoints[1] if size.steps else 1

    def train(self) -> Job:
        """The training."""
        evaluated = self.size.epochs * (self.size.samples["validation"] + self.size.samples["test"])
        seconds = self.size.steps * self.measured.seconds_per_step
        seconds += evaluated * self.measured.seconds_per_evaluated_sample
        blocks = 2 * max(BLOCK_BYTES, self.state)
        peak = max(self.measured.training_memory + blocks, self.measured.trial_memory)
        memory = peak + self.size.data_memory
        return self.measured.startup + self.size.passes * seconds, self.shape.bytes, memory

    def score(self, label: str, starts: bool = True) -> Job:
        """One method, in a job that it ``starts`` or in that of another."""
        cost, samples = self.measured.methods[label], self.size.samples["train"]
        seconds = cost.seconds(self.size.steps, samples)
        if cost.per_step > 0.1 * self.measured.seconds_per_step and self.gap > 1:
            seconds += self.size.steps * self.measured.seconds_per_step  # replay
        if cost.fixed:  # the queries' gradients, over the study's own splits
            seconds += self.size.asked * self.measured.seconds_per_step / self.size.batch
        # What `auto` decides is not known before the training begins: the larger of both.
        held = [states_at_once(self.state)] * (self.gap == 1 or self.size.keep == "auto") + [self.gap]
        segment = min(self.size.steps + 1, max(held)) * self.state
        cotangents = 6 * self.size.queries * self.state
        memory = self.measured.scoring_memory + self.size.data_memory + segment + cotangents
        memory += 4 * max(BLOCK_BYTES, self.state)
        memory += max(0.0, self.holds(label).bytes - cotangents)
        parts = 4.0 * self.size.epochs if label in self.size.by_epoch else 0.0
        scores = self.size.queries * samples
        seconds += self.measured.startup * starts
        return seconds, (8.0 + parts) * scores, memory + parts * scores

    def holds(self, label: str = "") -> Held:
        """What a job is sure to hold in memory at once: one method's, or the training's (two states and a gradient)."""
        if label:
            return self.measured.held.get(label, Held())
        parameters = self.measured.parameters
        width = 8 if self.size.dtype == "float64" else 4
        return Held(2.0 * self.state + width * parameters, f"{parameters:,} parameters")

    def traced(self, label: str, trace: Mapping[str, Any]) -> Job:
        """One method's scores at the ends of epochs: parts of its whole cost."""
        seconds, disk, memory = self.score(label)
        share = len(trace["queries"]) / self.size.queries
        passes = sum(trace["epochs"]) / self.size.epochs
        seconds = self.measured.startup + (seconds - self.measured.startup) * passes * share
        return seconds, disk * share * len(trace["epochs"]), memory

    def retrain(self, spec: Mapping[str, Any], batch: int, draws: int = 1) -> list[Job]:
        """Each batch of re-trainings of a design, done in ``draws`` trainings; all but the run itself are trained,
        too."""
        samples = self.size.samples["train"]
        size = 1 if spec["kind"] == "leave_one_out" else round(spec["fraction"] * samples)
        bytes_each = 8.0 * (self.size.queries + 2 + size)
        bounds = batch_bounds(int(spec["groups"]), batch)
        own = 0 if spec.get("seeds") else 1
        return [self.trainings(count * draws + draws - own, bytes_each) for _, count in bounds]

    def subsets(self, removal: Mapping[str, Any]) -> Job:
        """One method's removal curves; trainings take what is left of the steps."""
        left = 1 + len(removal["sides"]) * sum(1 - fraction for fraction in removal["fractions"])
        bytes_each = 8.0 * self.size.samples["train"]  # the bank names the samples that stay
        return self.trainings(math.ceil(removal["seeds"] * left), bytes_each)

    def flips(self, brittleness: Mapping[str, Any]) -> Job:
        """One method's search for flips, at most: up to the largest group, and back."""
        most = max(2.0, brittleness["most"] * self.size.samples["train"])
        each = 2 * math.ceil(math.log2(most))
        return self.trainings(each * len(brittleness["queries"]), 8.0 * most)

    def trainings(self, count: int, bytes_each: float) -> Job:
        """One job of ``count`` trainings without a record."""
        splits = self.size.samples["validation"] + self.size.samples["test"]
        once = self.size.steps * self.measured.seconds_per_step
        once += splits * self.measured.seconds_per_evaluated_sample
        memory = self.measured.training_memory + self.size.data_memory + 4 * max(BLOCK_BYTES, self.state)
        return self.measured.startup + count * once, count * bytes_each, memory


def _samples_asked(queries: Sequence[Query], sizes: Mapping[str, int]) -> int:
    """Return over how many samples the queries' gradients go; the classes of a split share it."""
    classes = {(query.kind, query.split) for query in queries if query.over == "class"}
    whole = [query.split for query in queries if query.is_mean] + [split for _, split in classes]
    return sum(sizes[split] for split in whole) + sum(query.is_single for query in queries)
