"""The process of a stored trajectory, built again from its settings and data; refused where it is not the one that was
trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.data import RunData
from hydra_steps.errors import StudyError
from hydra_steps.process.building import build_process
from hydra_steps.process.process import Process
from hydra_steps.trajectory.store import TrajectoryStore


def trained_process(store: TrajectoryStore, data: RunData, folder: str | Path) -> Process:
    """Build the process of the ``store`` in ``folder``, up to the step at which it stopped.

    Raises :class:`StudyError` for other data or labels, another parameter layout, and other batches.
    """
    settings, attributes = store.settings, store.attributes
    if attributes["data_digest"] != data.digest:
        raise StudyError(
            f"the trajectory in {folder} was trained on data of digest {attributes['data_digest'][:12]}…, "
            f"the data given now have {data.digest[:12]}…",
            "the images and labels of the training",
            "train again: the labels or splits have changed since",
        )
    process = build_process(settings, data)
    layout = [[name, list(shape), offset] for name, shape, offset in process.model.layout]  # as JSON has it
    if layout != [list(entry) for entry in attributes["layout"]]:
        raise StudyError(
            f"the model {settings.model.name} built now has another parameter layout than the one in {folder}",
            fix="train again with this version",
        )
    if settings.training.early_stopping is not None:
        process = process.until(store.steps)
    if not np.array_equal(process.table, store.batches):
        raise StudyError(f"the batches recorded in {folder} are not those of its seed", fix="train again")
    return process


def circumstances(device: Any, threads: Any, found: Mapping[str, str]) -> str:
    """Return where a training ran, as a message says it.

    >>> circumstances("cpu", 1, {"torch": "2.13.0"})
    'device cpu, 1 threads, torch 2.13.0'
    """
    return ", ".join([f"device {device}", f"{threads} threads", *(f"{k} {v}" for k, v in found.items())])
