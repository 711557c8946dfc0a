"""What is done beside a training: its schedule, its record, the evaluation after each epoch, the progress shown.

A GPU computes while Python prepares the next steps, unless a value is asked for: that waits until all before it is
done. So the losses, norms and states of many steps stay on the device and are read together (``AT_ONCE_ON_GPU``, and at
the end of each epoch). A processor has nothing to wait for, and each step is recorded as it ends.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from math import isnan
from typing import NamedTuple

import torch
from torch import Tensor

from hydra_steps.config.targets import METRICS
from hydra_steps.data import RunData
from hydra_steps.process.process import Process
from hydra_steps.process.running import evaluate
from hydra_steps.process.state import State
from hydra_steps.progress import Progress
from hydra_steps.trajectory.writer import TrajectoryWriter

AT_ONCE_ON_GPU = 64  # steps
WAITING_BYTES = 2**28  # of states on the device, at most

_logger = logging.getLogger(__name__)


class Observed(NamedTuple):
    """A step that is done and not yet recorded; its numbers are still on the device."""

    step: int
    state: State | None  # where it is to be stored
    rate: float
    loss: Tensor  # mean over the batch, float64
    norm: Tensor  # of the gradient


class TrainingObserver:
    """The observer of :func:`hydra_steps.process.running.run` that records to ``writer``.

    ``keep`` are the steps whose states are stored, ``first`` the step that the training starts or continues from,
    ``at_once`` how many steps are read from the device together. ``evaluating`` counts the seconds of the evaluations.
    Its calls raise :class:`StudyError` for a loss that is no longer finite, and for a failing disk.
    """

    def __init__(
        self,
        process: Process,
        data: RunData,
        writer: TrajectoryWriter,
        keep: set[int],
        first: int,
        at_once: int | None = None,
    ) -> None:
        self._process, self._writer, self._keep = process, writer, keep
        self._at_once = at_once or steps_at_once(process.device, writer.shape.bytes_per_state)
        self._schedule = process.schedule()
        self._splits = {
            name: (
                process.place(split.inputs),
                process.place(split.targets),
            )
            for name, split in (("validation", data.validation), ("test", data.test))
        }
        # A continued training brings the schedule to where it was by the epochs that had ended.
        for loss in writer.epochs.get("epoch_validation_loss", []):
            self._schedule.end_epoch(loss)
        self._waiting: list[Observed] = []
        self._epoch_losses = self._recorded_losses(first)
        self.evaluating = 0.0
        self.bar = Progress(total=process.steps, initial=first, desc="training", unit="step", mininterval=1)

    def _recorded_losses(self, first: int) -> list[float]:
        """Summed losses of the steps of the current epoch that were recorded before the training was continued."""
        start = first - first % self._process.steps_per_epoch if first else 0
        if start == first:
            return []
        losses = self._writer.history()["loss"][start:first]
        return [loss * len(self._process.batch(start + i)) for i, loss in enumerate(losses)]

    def rate(self, step: int) -> float:
        return self._schedule.rate(step)

    def observe(self, step: int, state: State, rate: float, losses: Tensor, gradient: Tensor) -> None:
        """Take note of a step; an epoch's last step, or one that fills the number read at once, has all recorded."""
        kept = state if step + 1 in self._keep else None
        norm = torch.linalg.vector_norm(gradient)
        self._waiting.append(Observed(step, kept, rate, losses.double().mean(), norm))
        ends = (step + 1) % self._process.steps_per_epoch == 0
        if ends or len(self._waiting) == self._at_once:
            self._record(state if ends else None)

    def _record(self, end: State | None) -> None:
        """Record all that waits; ``end`` is the last one's state where it ends an epoch."""
        waiting, self._waiting = self._waiting, []
        numbers = torch.stack([torch.stack([seen.loss, seen.norm.double()]) for seen in waiting]).tolist()
        states = iter(_on_host([seen.state for seen in waiting if seen.state is not None]))
        for seen, (loss, norm) in zip(waiting, numbers, strict=True):
            row = self._process.table[seen.step][: self._process.sizes[seen.step]]
            self._epoch_losses.append(loss * len(row))
            self._writer.record(
                seen.step + 1, batch=row, learning_rate=seen.rate, loss=loss, gradient_norm=norm
            )
            if end is not None and seen is waiting[-1]:
                self._end_epoch((seen.step + 1) // self._process.steps_per_epoch, end)
            if seen.state is not None:
                write_checkpoint(self._writer, seen.step + 1, next(states))
            self.bar.update()

    def _end_epoch(self, epoch: int, state: State) -> None:
        began = time.perf_counter()
        metrics = {"train_loss": sum(self._epoch_losses) / self._process.samples}
        kind = self._process.metric
        for name, (inputs, targets) in self._splits.items():
            loss, metric = evaluate(self._process, state, inputs, targets)
            metrics |= {f"{name}_loss": loss, f"{name}_{kind}": metric}
        self._writer.epoch(epoch, **metrics)
        self._schedule.end_epoch(metrics["validation_loss"])
        self._epoch_losses = []
        self.evaluating += time.perf_counter() - began
        told = {
            "training loss": "train_loss",
            "test loss": "test_loss",
            f"test {METRICS[kind].words}": f"test_{kind}",
        }
        shown = [f"{words} {metrics[name]:.4f}" for words, name in told.items() if not isnan(metrics[name])]
        _logger.info("epoch %d/%d: %s", epoch, self._process.epochs, ", ".join(shown))


def write_checkpoint(writer: TrajectoryWriter, step: int, state: State) -> None:
    """Store the state after ``step``."""
    writer.checkpoint(step, *(part.cpu().numpy() for part in state))


def steps_at_once(device: torch.device, bytes_per_state: int) -> int:
    """How many steps are read from ``device`` together, each with a state of so many bytes."""
    if device.type == "cpu":
        return 1
    return max(1, min(AT_ONCE_ON_GPU, WAITING_BYTES // max(1, bytes_per_state)))


def _on_host(states: Sequence[State]) -> Sequence[State]:
    """The same states in the host's memory, each part in one transfer."""
    if len(states) < 2:
        return states
    parts = (torch.stack(part).cpu() for part in zip(*states, strict=True))
    return [State(*rows) for rows in zip(*parts, strict=True)]
