"""The scratch folder of a training in progress: one writer at a time, a journal of what is safe, a move at
the end.

Beside the folder ``<name>`` lie

    <name>.lock           held by the process that trains; the system drops it when the process dies
    <name>.journal.json   which rows are on disk and their digests, replaced after the blocks it speaks of

so the folder itself holds nothing but the store, and becomes the declared output by one rename.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

from hydra_steps.errors import StudyError
from hydra_steps.json_files import NUMBER, object_of, read_json_if_whole
from hydra_steps.locks import Lock, take_lock
from hydra_steps.trajectory.keep import format_bytes
from hydra_steps.trajectory.manifest import MANIFEST, STORE, TIMING, storage_error, write_json

OWN_FILES = {STORE, MANIFEST, TIMING, f"{MANIFEST}.partial", f"{TIMING}.partial"}
EPOCHS: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "array", "items": NUMBER}}
NOTE: dict[str, Any] = {
    "epochs": EPOCHS,
    "epoch_ends": {"type": "array", "items": {"type": "integer"}},
    "seconds": NUMBER,
}
JOURNAL = {
    "identity": {},
    "metadata": {},
    "rows": {"type": "object"},
    "note": object_of(NOTE),
}


class Scratch:
    """A scratch folder that this process alone may write, from construction to ``release``."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.abspath(folder))
        self.journal_path = self.folder.with_name(f"{self.folder.name}.journal.json")
        self.lock_path = self.folder.with_name(f"{self.folder.name}.lock")
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self._lock: Lock | None = take_lock(self.lock_path)
        except OSError as error:
            raise storage_error(error, self.folder, "opening the scratch folder") from error
        if self._lock is None:
            raise StudyError(
                f"another process is writing {self.folder}",
                "one writer at a time",
                "wait until it ends, or end it (a killed process leaves no lock behind)",
            )

    def clear(self) -> None:
        """Make the folder new and empty; refuse to delete anything that no trajectory writer wrote."""
        foreign = self._foreign_files()
        if foreign:
            raise StudyError(f"{self.folder} holds {foreign[0]!r}", "a folder of its own for the trajectory")
        try:
            self.journal_path.unlink(missing_ok=True)
            shutil.rmtree(self.folder, ignore_errors=False) if self.folder.exists() else None
            self.folder.mkdir()
        except OSError as error:
            raise storage_error(error, self.folder, "emptying") from error

    def sweep(self) -> None:
        """Remove what a killed writer left half-written; no valid file has such a name."""
        for partial in self.folder.rglob("*.partial"):
            partial.unlink(missing_ok=True)

    def require_space(self, needed: int) -> None:
        """Raise :class:`StudyError` with the numbers unless ``needed`` more bytes fit the disk."""
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise StudyError(
                f"the trajectory takes {format_bytes(needed)}, "
                f"and the disk of {self.folder} has {format_bytes(free)} free",
                fix="keep fewer states (trajectory.keep: sqrt or a budget), or choose another results folder",
            )

    def read_journal(self) -> dict[str, Any] | None:
        """Return the journal; None where there is none that a writer wrote."""
        return read_json_if_whole(self.journal_path, JOURNAL)

    def write_journal(self, journal: dict[str, Any]) -> None:
        try:
            write_json(self.journal_path, journal, indent=None)
        except OSError as error:
            raise storage_error(error, self.journal_path, "writing the journal") from error

    def publish(self, destination: Path) -> None:
        """Move the folder to ``destination``, whole or not at all, and drop journal and lock."""
        destination = Path(os.path.abspath(destination))
        try:
            destination.parent.mkdir(parents=True, exist_ok=True)
            if destination.exists() and any(destination.iterdir()):
                raise StudyError(f"{destination} already holds something", "a new folder", "delete it first")
            self._move(destination)
            self.journal_path.unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(error, destination, "moving the finished trajectory to") from error
        self.release(forget=True)

    def release(self, forget: bool = False) -> None:
        """Give the lock back; ``forget`` removes its file too. Harmless to repeat."""
        if self._lock is not None:
            if forget:
                self.lock_path.unlink(missing_ok=True)
            self._lock.release()
            self._lock = None

    def _foreign_files(self) -> list[str]:
        if not self.folder.exists():
            return []
        return sorted(entry.name for entry in self.folder.iterdir() if entry.name not in OWN_FILES)

    def _move(self, destination: Path) -> None:
        try:
            os.rename(self.folder, destination)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # Another file system: copy beside the destination first, so that a killed copy has another name.
            beside = destination.with_name(f".{destination.name}.partial")
            shutil.rmtree(beside, ignore_errors=True)
            try:
                shutil.copytree(self.folder, beside)
                os.rename(beside, destination)
            except OSError:
                shutil.rmtree(beside, ignore_errors=True)
                raise
            shutil.rmtree(self.folder)
