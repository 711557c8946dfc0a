"""Training a run and recording its trajectory: the study's main job.

The store is written in a scratch folder beside its destination, named by the digest of everything that decides
it; a training that was killed continues there from its last checkpoint, and the finished store is moved into
place whole.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import time
from collections.abc import Mapping
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from hydra_steps.data import RunData
from hydra_steps.process.compute import prepare_compute
from hydra_steps.process.keep import checkpoint_steps
from hydra_steps.process.members import state_bytes
from hydra_steps.process.process import Process, build_process, load_data
from hydra_steps.process.running import evaluate, run
from hydra_steps.process.schedules import Schedule
from hydra_steps.process.state import State
from hydra_steps.process.writer import TrajectoryWriter


def train_model(
    run: str, splits: str | Path, labels: str | Path, output: str | Path, scratch: str | Path | None = None
) -> None:
    """Train the run whose configuration is the JSON text ``run`` and write its trajectory to the folder ``output``.

    ``run`` has the sections data, model, training, trajectory, compute and seed. ``scratch`` is the folder for
    unfinished work, by default ``.scratch`` beside the output. Raises :class:`StudyError` for wrong data, for
    a loss that is no longer finite (the step is named, the checkpoints before it are kept), and for a failing disk.
    """
    settings = json.loads(run)
    data = load_data(settings, splits, labels)
    prepare_compute(settings)
    process = build_process(settings, data)
    output = Path(output)
    scratch = Path(scratch) if scratch else output.parent / ".scratch"
    scratch = scratch / f"train_model-{identity(settings, data)[:16]}"
    record_training(process, data, settings, scratch, output)


def identity(settings: Mapping[str, Any], data: RunData) -> str:
    """SHA-256 over everything that decides a training's result."""
    text = json.dumps([settings, data.digest, versions()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def versions() -> dict[str, str]:
    """The versions that decide the last bits of a result."""
    return {
        "python": ".".join(map(str, sys.version_info[:2])),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "processor": platform.machine() + " " + torch.backends.cpu.get_cpu_capability(),
    }


def record_training(
    process: Process, data: RunData, settings: Mapping[str, Any], scratch: Path, output: Path
) -> State:
    """Train ``process`` from its initial or last recorded state, record everything, and publish to ``output``."""
    initial = process.initial_state()
    dtype = str(process.dtype).removeprefix("torch.")
    sizes = dict(
        zip(
            ("parameters", "slots", "buffers"),
            (initial.parameters.numel(), len(initial.slots), initial.buffers.numel()),
            strict=True,
        )
    )
    keep = settings.get("trajectory", {}).get("keep", "all")
    checkpoints = checkpoint_steps(keep, process.steps, state_bytes(**sizes, dtype=dtype))
    layout = {"steps": process.steps, "batch_size": process.table.shape[1], "dtype": dtype, **sizes}
    layout["checkpoints"] = checkpoints
    attributes = {
        "config": settings,
        "seed": process.seed,
        "layout": process.model.layout,
        "buffer_layout": process.model.buffer_layout,
        "data_digest": data.digest,
        "versions": versions(),
        "device": str(process.device),
        "threads": torch.get_num_threads(),
    }
    resumed = TrajectoryWriter.resume(scratch, attributes=attributes, **layout)
    writer, first = resumed or (TrajectoryWriter.create(scratch, attributes=attributes, **layout), 0)
    with writer:
        if resumed:
            print(f"continuing from step {first} of {process.steps}", flush=True)
            state = _to_tensors(writer.state(first), process)
        else:
            state = initial
            _checkpoint(writer, 0, state)
        recording = _Recording(process, data, writer, set(checkpoints), first)
        began = time.perf_counter()
        try:
            state = run(process, state, recording.rate, first, observe=recording.observe)
        finally:
            recording.bar.close()
        writer.finish(
            {"seconds_in_loop": time.perf_counter() - began, "seconds_evaluating": recording.evaluating}
        )
        writer.publish(output)
    return state


def _to_tensors(arrays: Any, process: Process) -> State:
    return State(*(torch.from_numpy(np.array(a)).to(process.device, process.dtype) for a in arrays))


def _checkpoint(writer: TrajectoryWriter, step: int, state: State) -> None:
    writer.checkpoint(step, *(part.cpu().numpy() for part in state))


class _Recording:
    """What is done beside the training: the schedule, the store, the evaluation after each epoch, progress."""

    def __init__(
        self, process: Process, data: RunData, writer: TrajectoryWriter, keep: set[int], first: int
    ) -> None:
        self._process, self._writer, self._keep = process, writer, keep
        training = process.settings["training"]
        self._schedule = Schedule(
            training.get("schedule", {}),
            float(training["optimizer"]["learning_rate"]),
            process.epochs,
            process.steps_per_epoch,
        )
        self._splits = {
            name: (
                torch.tensor(split.images).to(process.device, process.dtype),
                torch.tensor(split.labels).to(process.device),
            )
            for name, split in (("validation", data.validation), ("test", data.test))
        }
        # A continued training brings the schedule to where it was by the epochs that had ended.
        for loss in writer.epochs.get("epoch_validation_loss", []):
            self._schedule.end_epoch(loss)
        self._epoch_losses = self._recorded_losses(first)
        self.evaluating = 0.0
        self.bar = tqdm(total=process.steps, initial=first, desc="training", unit="step", mininterval=1)

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
        loss = losses.double().mean().item()
        self._epoch_losses.append(loss * len(losses))
        row = self._process.table[step][: len(losses)]
        norm = torch.linalg.vector_norm(gradient).item()
        self._writer.record(step + 1, batch=row, learning_rate=rate, loss=loss, gradient_norm=norm)
        if (step + 1) % self._process.steps_per_epoch == 0:
            self._end_epoch((step + 1) // self._process.steps_per_epoch, state)
        if step + 1 in self._keep:
            _checkpoint(self._writer, step + 1, state)
        self.bar.update()

    def _end_epoch(self, epoch: int, state: State) -> None:
        began = time.perf_counter()
        metrics = {"train_loss": sum(self._epoch_losses) / self._process.samples}
        for name, (images, labels) in self._splits.items():
            loss, accuracy = evaluate(self._process, state, images, labels)
            metrics |= {f"{name}_loss": loss, f"{name}_accuracy": accuracy}
        self._writer.epoch(epoch, **metrics)
        self._schedule.end_epoch(metrics["validation_loss"])
        self._epoch_losses = []
        self.evaluating += time.perf_counter() - began
        told = {"training loss": "train_loss", "test loss": "test_loss", "test accuracy": "test_accuracy"}
        shown = [f"{words} {metrics[name]:.4f}" for words, name in told.items() if not isnan(metrics[name])]
        self.bar.write(f"epoch {epoch}/{self._process.epochs}: {', '.join(shown)}", file=sys.stderr)
