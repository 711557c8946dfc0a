"""Training a run and recording its trajectory: the study's main job.

The store is written in a scratch folder beside its destination, named by the digest of everything that decides
it; a training that was killed continues there from its last checkpoint, and the finished store is moved into
place whole.
"""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hydra_steps.config.sections import RunSettings
from hydra_steps.data import RunData
from hydra_steps.process.building import build_process, load_data
from hydra_steps.process.compute import prepare_compute
from hydra_steps.process.process import Process
from hydra_steps.process.running import own_rates, run
from hydra_steps.process.state import State
from hydra_steps.process.trial.try_model import try_model
from hydra_steps.trajectory.arrays import state_bytes
from hydra_steps.trajectory.automatic import KEPT, automatic_keep
from hydra_steps.trajectory.keep import checkpoint_steps
from hydra_steps.trajectory.observer import TrainingObserver, write_checkpoint
from hydra_steps.trajectory.writer import TrajectoryWriter

_logger = logging.getLogger(__name__)


def train_model(
    settings: RunSettings,
    splits: str | Path,
    labels: str | Path,
    output: str | Path,
    scratch: str | Path | None = None,
) -> None:
    """Train a run and write its trajectory to the folder ``output``.

    ``scratch`` is the folder for unfinished work, by default ``.scratch`` beside the output. Raises
    :class:`StudyError` for wrong data, for a model that fails its trial, for a loss that is no longer finite (the step
    is named, the checkpoints before it are kept), and for a failing disk.
    """
    data = load_data(settings, splits, labels)
    prepare_compute(settings.compute)
    process = build_process(settings, data)
    try_model(process)
    if settings.training.early_stopping is not None:
        # The store is made for its number of steps, so they are counted first: one more training.
        process = process.until(len(own_rates(process, data.validation)))
        _logger.info("the training ends after %d of %d epochs", process.epochs, settings.training.epochs)
    output = Path(output)
    scratch = Path(scratch) if scratch else output.parent / ".scratch"
    scratch = scratch / f"train_model-{identity(settings, data)[:16]}"
    record_training(process, data, settings, scratch, output)


def identity(settings: RunSettings, data: RunData) -> str:
    """SHA-256 over everything that decides a training's result."""
    text = json.dumps([settings.of_training(), data.digest, versions()], sort_keys=True)
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
    process: Process,
    data: RunData,
    settings: RunSettings,
    scratch: Path,
    output: Path,
    at_once: int | None = None,
) -> State:
    """Train ``process`` from its initial or last recorded state, record everything, and publish to ``output``.

    ``at_once`` steps are read from the device together (by default what :mod:`.observer` takes for
    it); the record is the same.
    """
    initial = process.initial_state()
    dtype = str(process.dtype).removeprefix("torch.")
    sizes = dict(
        zip(
            ("parameters", "slots", "buffers"),
            (initial.parameters.numel(), len(initial.slots), initial.buffers.numel()),
            strict=True,
        )
    )
    size = state_bytes(**sizes, dtype=dtype)
    keep, kept = settings.trajectory.keep, {}
    if keep == "auto":
        keep = automatic_keep(scratch, process.steps, size)
        kept = {KEPT: keep}
    checkpoints = checkpoint_steps(keep, process.steps, size)
    layout = {"steps": process.steps, "batch_size": process.table.shape[1], "dtype": dtype, **sizes}
    layout["checkpoints"] = checkpoints
    attributes = {
        "config": settings.of_training(),
        "seed": process.seed,
        "layout": process.model.layout,
        "buffer_layout": process.model.buffer_layout,
        "data_digest": data.digest,
        "versions": versions(),
        "device": str(process.device),
        "threads": torch.get_num_threads(),
        **kept,
    }
    resumed = TrajectoryWriter.resume(scratch, attributes=attributes, **layout)
    writer, first = resumed or (TrajectoryWriter.create(scratch, attributes=attributes, **layout), 0)
    with writer:
        if resumed:
            _logger.info("continuing from step %d of %d", first, process.steps)
            state = _to_tensors(writer.state(first), process)
        else:
            state = initial
            write_checkpoint(writer, 0, state)
        observer = TrainingObserver(process, data, writer, set(checkpoints), first, at_once)
        began = time.perf_counter()
        try:
            state = run(process, state, observer.rate, first, observe=observer.observe)
        finally:
            observer.bar.close()
        writer.finish(
            {"seconds_in_loop": time.perf_counter() - began, "seconds_evaluating": observer.evaluating}
        )
        writer.publish(output)
    return state


def _to_tensors(arrays: Any, process: Process) -> State:
    return State(*(torch.from_numpy(np.array(a)).to(process.device, process.dtype) for a in arrays))
