"""A file that one process at a time holds.

The operating system holds the lock (``flock``) and drops it with the process, however that ends, so that a killed one
leaves nothing to be unlocked. Needs the standard library alone, as the process that plans a study claims its folder,
too.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from hydra_steps.errors import StudyError


class Lock:
    """A lock that is held from construction to ``release``, and at most as long as this process.

    Raises :class:`BlockingIOError` where another process, or another lock of this one, holds the file ``path``, and
    any other :class:`OSError` where it can be neither made nor locked.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Give the lock back; harmless to repeat."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __del__(self) -> None:
        if getattr(self, "_descriptor", None) is not None:
            self.release()


_HELD: list[Lock] = []  # locked for as long as this process lives


def take_lock(path: Path) -> Lock | None:
    """Lock the file ``path``, making it; return the lock, or None where it is held already.

    Raises :class:`OSError` where the file can be neither made nor locked.
    """
    try:
        return Lock(path)
    except BlockingIOError:
        return None


def hold(folder: str | Path) -> None:
    """Claim ``folder`` for this process; :class:`StudyError` where another one holds it.

    The system ends the claim with the process, however that ends, so a killed run leaves nothing to be unlocked.
    """
    path = Path(folder) / ".lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = take_lock(path)
    except OSError as error:
        raise StudyError(
            f"{path} cannot be locked: {error}",
            "a file system with locks, so that one run at a time writes",
            "choose another results folder",
        ) from error
    if lock is None:
        raise StudyError(
            f"{folder} is being written by another run of the study",
            "one run at a time",
            "wait for it, or end it",
        )
    _HELD.append(lock)
