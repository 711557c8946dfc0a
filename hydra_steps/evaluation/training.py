"""How each run trained: loss and accuracy after every epoch, read from the trajectory store.

One row per run, epoch and metric: ``train_loss``, ``validation_loss``, ``test_loss``, ``validation_accuracy``,
``test_accuracy`` (or what else the task counts as good in place of the accuracy). The training loss is against the
targets that the run saw. Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hydra_steps.config.targets import METRICS as _METRICS
from hydra_steps.registry.decorators import table
from hydra_steps.tables.layout import Artifact
from hydra_steps.tables.tidy import make_table, write_table
from hydra_steps.trajectory.store import TrajectoryStore

PREFIX = "epoch_"
METRICS = tuple(
    f"{split}_{what}" for split in ("train", "validation", "test") for what in ("loss", *_METRICS)
)


@table("training", title="Training", keys=["epoch"], order=10)
def describe_training(trajectories: Sequence[Artifact], output: str | Path) -> None:
    """Write ``training.csv`` from trajectory folders ``…/runs/<run>/trajectory`` (arrays ``epoch_<metric>``
    [epoch]). Raises :class:`StudyError` for a trajectory that is not whole.
    """
    rows = []
    for artifact in trajectories:
        found = TrajectoryStore.open(artifact.path).epochs
        for metric in METRICS:
            values = found.get(PREFIX + metric)
            if values is None:
                continue
            rows += [
                artifact.run.columns | {"metric": metric, "epoch": epoch, "value": value}
                for epoch, value in zip(found["epoch"], values, strict=True)
            ]
    write_table(make_table("training", rows), output)
