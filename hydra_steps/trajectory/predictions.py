"""What a run's final model says about every sample: predicted class, its probability, and the sample's loss.

One row per sample of all three splits, so that pages and tables about single samples need no torch.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from hydra_steps.data import RunData
from hydra_steps.data.run_data import Split
from hydra_steps.data.tables import SPLITS, write_csv
from hydra_steps.process.process import Process
from hydra_steps.process.running import evaluation_chunk
from hydra_steps.process.state import State
from hydra_steps.trajectory.trajectory import open_run

COLUMNS = ("split", "index", "label", "predicted", "probability", "loss")


def predict_samples(
    trajectory: str | Path, splits: str | Path, labels: str | Path, output: str | Path
) -> None:
    """Write ``predictions.csv`` of the run whose finished trajectory, splits and labels are given.

    Columns: ``split``, ``index`` (position in the split), ``label`` (as trained on), ``predicted``, ``probability``
    (of the predicted class, six digits), ``loss`` (the training loss of this sample, in evaluation mode). Cost: one
    forward pass over all samples. Raises :class:`StudyError` for a trajectory that is not whole or was trained on
    other data.
    """
    opened, data = open_run(trajectory, splits, labels)
    write_csv(predictions(opened.process, opened.final_state, data), output)


def predictions(process: Process, state: State, data: RunData) -> pd.DataFrame:
    """The table of all splits at ``state``, with ``COLUMNS``."""
    tables = []
    for split in SPLITS:
        part = getattr(data, split)
        probability, predicted, loss = _evaluated(process, state, part)
        tables.append(
            pd.DataFrame(
                {
                    "split": split,
                    "index": range(len(part)),
                    "label": part.targets,
                    "predicted": predicted.numpy(),
                    "probability": [f"{value:.6g}" for value in probability.tolist()],
                    "loss": [f"{value:.6g}" for value in loss.tolist()],
                },
                columns=list(COLUMNS),
            )
        )
    return pd.concat(tables, ignore_index=True)


@torch.no_grad()
def _evaluated(process: Process, state: State, part: Split) -> tuple[Tensor, Tensor, Tensor]:
    """Largest probability [m], predicted class [m], and loss [m] of a split, in pieces that fit the caches."""
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    chunk = evaluation_chunk(process.device)
    for start in range(0, len(part), chunk):
        piece = slice(start, start + chunk)
        logits = process.model.logits(state.parameters, state.buffers, process.place(part.inputs[piece]))
        largest, predicted = logits.double().softmax(-1).max(-1)
        loss = process.loss.values(logits, process.place(part.targets[piece])).double()
        found.append((largest.cpu(), predicted.cpu(), loss.cpu()))
    if not found:
        return torch.zeros(0), torch.zeros(0, dtype=torch.int64), torch.zeros(0)
    probability, predicted, loss = (torch.cat(column) for column in zip(*found, strict=True))
    return probability, predicted, loss
