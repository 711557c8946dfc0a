"""How each run trained: loss and accuracy after every epoch, read from the trajectory store.

One row per run, epoch and metric: ``train_loss``, ``validation_loss``, ``test_loss``,
``train_accuracy``, ``validation_accuracy``, ``test_accuracy``. Training loss and accuracy are against the
labels that the run saw. Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hydra_steps.registry.decorators import table
from hydra_steps.stores import open_complete, read_array, readable, remedy
from hydra_steps.tables.layout import Artifact
from hydra_steps.tables.tidy import make_table, write_table

PREFIX = "epoch_"
METRICS = tuple(
    f"{split}_{what}" for split in ("train", "validation", "test") for what in ("loss", "accuracy")
)


@table("training", title="Training", keys=["epoch"], order=10)
def describe_training(trajectories: Sequence[Artifact], output: str | Path) -> None:
    """Write ``training.csv`` from trajectory folders ``…/runs/<run>/trajectory`` (arrays ``epoch_<metric>``
    [epoch]).
    """
    rows = []
    for artifact in trajectories:
        store = open_complete(artifact.path / "store.zarr")
        with readable(artifact.path, remedy(artifact.path)):
            names = set(store.array_keys())
        for metric in METRICS:
            if PREFIX + metric not in names:
                continue
            values = read_array(store, PREFIX + metric).astype(np.float64)
            epochs = read_array(store, "epoch") if "epoch" in names else np.arange(1, len(values) + 1)
            with readable(artifact.path, remedy(artifact.path)):
                rows += [
                    artifact.run.columns | {"metric": metric, "epoch": epoch, "value": value}
                    for epoch, value in zip(epochs, values, strict=True)
                ]
    write_table(make_table("training", rows), output)
