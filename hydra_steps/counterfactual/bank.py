"""A bank of finished re-trainings: one small file each, found again by what decides its outcome.

A key is the digest of what all outcomes of a bank depend on (the training, the queries, the code and
library that compute them) and of what one re-training changes, such as the samples removed. So a
re-training is done once, whichever design, batch or interrupted job asked for it, and a change of anything
that could change its outcome asks for a new one. Files appear whole or not at all; one that cannot be read
is made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra_steps.config.choices import TRAINING, chosen_entries
from hydra_steps.errors import StudyError
from hydra_steps.json_files import read_json_if_whole
from hydra_steps.registry.code import code_digest

if TYPE_CHECKING:
    from hydra_steps.process.process import Process


class Bank:
    """Outcomes of re-trainings in ``folder``; ``identity`` (JSON) is what they all depend on."""

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

    def get(self, change: Any, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return the outcome (JSON) of the re-training with ``change`` (JSON), made and kept if it is not
        there.

        Numbers read back to the same bits: Python writes the shortest decimal that does.
        """
        outcome = self.read(change)
        if outcome is None:
            outcome = make()
            self.write(change, outcome)
        return outcome

    def read(self, change: Any) -> dict[str, Any] | None:
        """Return the outcome of the re-training with ``change``, or None if it is not there or damaged."""
        entry = read_json_if_whole(self._path(change)) or {}
        outcome = entry.get("outcome")
        whole = entry.get("change") == change and entry.get("digest") == self._digest_of(change, outcome)
        return outcome if whole and isinstance(outcome, dict) else None

    def write(self, change: Any, outcome: Mapping[str, Any]) -> None:
        """Keep an outcome."""
        path = self._path(change)
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        entry = {"change": change, "outcome": outcome, "digest": self._digest_of(change, outcome)}
        try:
            partial.write_text(json.dumps(entry) + "\n", encoding="utf-8")
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)  # no entry of any bank is a folder
            os.replace(partial, path)
        except OSError as error:
            raise StudyError(
                f"{path} cannot be written: {error.strerror}", fix="free some space and run again"
            ) from error

    def _path(self, change: Any) -> Path:
        return self.folder / f"{self._digest_of(change)[:32]}.json"

    def _digest_of(self, *what: Any) -> str:
        """Return the digest of a change, or of a change and its outcome, in this bank and no other."""
        text = "/".join([self._identity, *(json.dumps(one, sort_keys=True) for one in what)])
        return hashlib.sha256(text.encode()).hexdigest()


def circumstances(module: str, process: Process) -> dict[str, Any]:
    """What decides the last bits of what ``module`` computes with ``process``, beside its data and
    settings.
    """
    import torch

    code = code_digest(module, entries=chosen_entries(process.settings, *TRAINING))
    return {"code": code, "torch": torch.__version__, "device": str(process.device)}
