"""Small real trainings for the fault tests, run in processes that are killed, limited or starved."""

from __future__ import annotations

import logging
import os
import resource
import signal
import threading
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from hydra_steps.config.sections import RunSettings
from hydra_steps.data import RunData
from hydra_steps.process.schedules import Schedule
from hydra_steps.trajectory import arrays, recorder, training
from hydra_steps.trajectory.writer import TrajectoryWriter
from tests.helpers.tiny import built, tiny_data, tiny_settings

# The functions here are named in orders to `warm.Helper`, so their arguments are JSON.


def prepare() -> None:
    """Have imported and read what a training imports and reads on its way, without starting a thread."""
    Schedule("constant", {}, 0.1, 1, 1)
    built(*configuration())
    import_module("jsonschema")
    assert threading.active_count() == 1


def train(
    scratch: str,
    output: str,
    keep: Any = "all",
    epochs: int = 8,
    block_bytes: int = 4096,
    flush_seconds: float = 0.0,
    **settings: Any,
) -> None:
    """Train a small network with a record, in small blocks that are committed as often as possible."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    run, data = configuration(keep=keep, epochs=epochs, **settings)
    with (
        patch.object(recorder, "FLUSH_SECONDS", flush_seconds),
        patch.object(arrays.Shape.__init__, "__defaults__", (block_bytes,)),
    ):
        training.record_training(built(run, data), data, RunSettings.of(run), Path(scratch), Path(output))


def configuration(
    keep: Any = "all", epochs: int = 8, learning_rate: float = 0.1, variant: str = "plain"
) -> tuple[dict[str, Any], RunData]:
    """A run's settings and data: 3 steps an epoch."""
    optimizer = {"name": "sgd", "learning_rate": learning_rate, "momentum": 0.9, "weight_decay": 0.01}
    run = tiny_settings(variant=variant, epochs=epochs)
    run["training"]["optimizer"] = optimizer
    run["trajectory"] = {"keep": keep, "replay": "strict"}
    return run, tiny_data()


def train_and_die(moment: str, count: int, **arguments: Any) -> None:
    """Train, and be killed at the ``count``-th file that is put into place.

    ``moment``: ``during`` leaves half of the new file under its temporary name, ``after`` has it in place. Every file
    of a store comes into place by `os.replace` or `os.rename`, so a disk can be left in no other states.
    """
    operations = 0

    def deadly(operation: Any) -> Any:
        def replaced(source: Any, destination: Any, **more: Any) -> None:
            nonlocal operations
            operations += 1
            if operations == count and moment == "during":
                if os.path.isfile(source):
                    os.truncate(source, os.path.getsize(source) // 2)
                os.kill(os.getpid(), signal.SIGKILL)
            operation(source, destination, **more)
            if operations == count:
                os.kill(os.getpid(), signal.SIGKILL)

        return replaced

    with patch.object(os, "replace", deadly(os.replace)), patch.object(os, "rename", deadly(os.rename)):
        train(**arguments)


def train_with_small_files(limit: int, **arguments: Any) -> None:
    """Train where no file may be larger than ``limit`` bytes, as under ``ulimit -f``."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    train(**arguments)


def train_while_the_disk_fills(ballast: str, step: int, **arguments: Any) -> None:
    """Train while somebody else takes all the space that is left, at ``step``."""
    original = TrajectoryWriter.checkpoint

    def checkpoint(self: TrajectoryWriter, at: int, *state: np.ndarray) -> None:
        if at == step:
            fill(ballast)
        original(self, at, *state)

    with patch.object(TrajectoryWriter, "checkpoint", checkpoint):
        train(**arguments)


def fill(ballast: str) -> None:
    """Write a file until the disk is full."""
    with open(ballast, "wb", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError:
                continue


def train_as_nobody(**arguments: Any) -> None:
    """Train without the superuser's right to write everywhere."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    train(**arguments)


def hold(scratch: str) -> None:
    """Be in the middle of a training until killed."""
    original = TrajectoryWriter.checkpoint

    def checkpoint(self: TrajectoryWriter, at: int, *state: np.ndarray) -> None:
        original(self, at, *state)
        if at == 10:
            Path(scratch).with_name("held").touch()
            signal.pause()

    with patch.object(TrajectoryWriter, "checkpoint", checkpoint):
        train(scratch, str(Path(scratch).with_name("never")))
