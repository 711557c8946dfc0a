"""What a run's final model says about every sample: predicted class, its probability, and the sample's loss.

One row per sample of all three splits, so that pages and tables about single samples need no torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hydra_steps.config.targets import CLASS, LABELS, NUMBERS, TOKENS
from hydra_steps.data import RunData
from hydra_steps.data.run_data import Split
from hydra_steps.data.tables import SPLITS, write_csv
from hydra_steps.data.target_columns import to_columns
from hydra_steps.process.process import Process
from hydra_steps.process.running import evaluation_chunk
from hydra_steps.process.state import State
from hydra_steps.trajectory.trajectory import open_run


def predict_samples(
    trajectory: str | Path, splits: str | Path, labels: str | Path, output: str | Path
) -> None:
    """Write ``predictions.csv`` of the run whose finished trajectory, splits and labels are given.

    Columns: ``split``, ``index`` (position in the split); of classes ``label`` (as trained on), ``predicted``,
    ``probability`` (of the predicted class, six digits); of several labels and of numbers those of the targets
    (:mod:`hydra_steps.data.target_columns`) and ``predicted_1`` … (of labels: probabilities); of sequences ``asked``,
    how many tokens; ``loss`` (the training loss of this sample, in evaluation mode). Cost: one forward pass over all
    samples. Raises :class:`StudyError` for a trajectory that is not whole or was trained on other data.
    """
    opened, data = open_run(trajectory, splits, labels)
    write_csv(predictions(opened.process, opened.final_state, data), output)


def predictions(process: Process, state: State, data: RunData) -> pd.DataFrame:
    """The table of all splits at ``state``."""
    tables = []
    for split in SPLITS:
        part = getattr(data, split)
        columns: dict[str, Any] = {"split": split, "index": range(len(part))}
        tables.append(pd.DataFrame(columns | _evaluated(process, state, part)))
    return pd.concat(tables, ignore_index=True)


@torch.no_grad()
def _evaluated(process: Process, state: State, part: Split) -> dict[str, Any]:
    """What is asked, what is predicted, and the loss of a split's samples, in pieces that fit the caches."""
    answer = {CLASS: _classes, LABELS: _labels, NUMBERS: _numbers, TOKENS: _tokens}[process.asks]
    found: list[dict[str, Any]] = []
    chunk = evaluation_chunk(process.device)
    for start in range(0, max(len(part), 1), chunk):
        piece = slice(start, start + chunk)
        outputs = process.model.logits(state.parameters, state.buffers, process.place(part.inputs[piece]))
        targets = process.place(part.targets[piece])
        loss = process.loss.values(outputs, targets).double()
        found.append(answer(outputs.double(), part.targets[piece]) | {"loss": _digits(loss)})
    return {name: np.concatenate([piece[name] for piece in found]) for name in found[0]}


def _classes(logits: Tensor, targets: np.ndarray) -> dict[str, Any]:
    largest, predicted = logits.softmax(-1).max(-1)
    return {"label": targets, "predicted": predicted.cpu().numpy(), "probability": _digits(largest)}


def _labels(logits: Tensor, targets: np.ndarray) -> dict[str, Any]:
    return to_columns(targets, LABELS) | _predicted(logits.sigmoid())


def _numbers(outputs: Tensor, targets: np.ndarray) -> dict[str, Any]:
    return to_columns(targets, NUMBERS) | _predicted(outputs)


def _tokens(logits: Tensor, targets: np.ndarray) -> dict[str, Any]:
    return {"asked": (targets >= 0).sum(1)}


def _predicted(values: Tensor) -> dict[str, Any]:
    return {f"predicted_{place + 1}": _digits(column) for place, column in enumerate(values.T)}


def _digits(values: Tensor) -> np.ndarray:
    """The numbers as texts of six digits."""
    return np.array([f"{value:.6g}" for value in values.tolist()], dtype=object)
