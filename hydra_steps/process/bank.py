"""A bank of finished re-trainings: one small file each, found again by what decides its outcome.

A key is the digest of the training, the queries, the code and library that compute them, and the samples
removed. So a re-training is done once, whichever design, batch or interrupted job asked for it, and a
change of anything that could change its outcome asks for a new one. Files appear whole or not at all; one
that cannot be read is made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hydra_steps.errors import StudyError


class Outcome(NamedTuple):
    """One re-training: query values [q] float64, share of test samples right, mean loss in the last epoch."""

    value: np.ndarray
    test_accuracy: float
    final_loss: float


class Bank:
    """Outcomes of re-trainings of one run in ``folder``; ``identity`` (JSON) is what they all depend on."""

    def __init__(self, folder: str | Path, identity: Mapping[str, Any]) -> None:
        self.folder = Path(folder)
        self._identity = json.dumps(identity, sort_keys=True)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StudyError(
                f"the bank {folder} cannot be made: {error.strerror}",
                fix="choose a results folder that you may write to",
            ) from error

    def read(self, removed: np.ndarray) -> Outcome | None:
        """Return the outcome of training without ``removed`` (sorted positions), or None if it is not
        there.
        """
        try:
            entry = json.loads(self._path(removed).read_text(encoding="utf-8"))
            value = np.array(entry["value"], np.float64)
            return Outcome(value, float(entry["test_accuracy"]), float(entry["final_loss"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, removed: np.ndarray, outcome: Outcome) -> None:
        """Keep an outcome; Python's decimal floats read back to the same bits."""
        path = self._path(removed)
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        entry = {"removed": removed.tolist(), **outcome._asdict(), "value": outcome.value.tolist()}
        try:
            partial.write_text(json.dumps(entry) + "\n", encoding="utf-8")
            os.replace(partial, path)
        except OSError as error:
            raise StudyError(
                f"{path} cannot be written: {error.strerror}", fix="free some space and run again"
            ) from error

    def _path(self, removed: np.ndarray) -> Path:
        text = f"{self._identity}/{','.join(str(int(n)) for n in removed)}"
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
