"""What a run's final model says about every class of every training sample: a store, so that readers need no torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hydra_steps.stores import read_store, write_store

SCHEMA_VERSION = 1
DIMENSIONS = {"probability": ("sample", "class")}


def predict_classes(
    trajectory: str | Path, splits: str | Path, labels: str | Path, output: str | Path
) -> None:
    """Write the probabilities [n, c] float32 of the run whose finished trajectory, splits and labels are given.

    Cost: one forward pass over the training samples, in evaluation mode and without augmentation.
    """
    import torch

    from hydra_steps.scoring.modules import train_logits
    from hydra_steps.trajectory.trajectory import open_run

    opened, data = open_run(trajectory, splits, labels)
    with torch.no_grad():
        logits = train_logits(opened.process, opened.final_state)
    found = logits.double().softmax(-1).float().cpu().numpy()
    about = {"schema_version": SCHEMA_VERSION, "classes": list(data.classes), "data_digest": data.digest}
    write_store(output, {"probability": found}, DIMENSIONS, about)


def read_classes(path: str | Path) -> np.ndarray:
    """Return the probabilities [n, c] of a store that :func:`predict_classes` wrote."""
    return read_store(path, DIMENSIONS, SCHEMA_VERSION)[0]["probability"]
