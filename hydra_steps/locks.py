"""A file that one process at a time holds, or that several share; and by such files, the claim of a study's folder.

The operating system holds the lock (``flock``) and drops it with the process, however that ends, so that a killed one
leaves nothing to be unlocked. Needs the standard library alone, as the process that plans a study claims its folder,
too.

A run claims the folder (:func:`hold`), and each of its jobs joins it (:func:`join`). A job may outlive its run, which
was killed alone: as long as it lives no other run begins, and a job that starts after its run's end, when another has
begun, does nothing.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from hydra_steps.errors import StudyError

RUN = "HYDRA_STEPS_CLAIM"  # tells a job which claim it works under; a cluster's jobs have a word of their own
CLAIM, JOBS = ".lock", ".lock.jobs"
DYING = 60.0  # seconds in which the processes of an ended job may still be there, though it is gone from the queue
OTHER_RUN, ORPHAN = "another run of the study", "a job of a run that was ended"


class Lock:
    """A lock that is held from construction to ``release``, and at most as long as this process.

    ``shared``: with others that share it. Raises :class:`BlockingIOError` where another process, or another lock of
    this one, holds the file ``path`` otherwise, and any other :class:`OSError` where it can be neither made nor locked.
    """

    def __init__(self, path: Path, shared: bool = False) -> None:
        self._descriptor: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
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


def take_lock(path: Path, shared: bool = False) -> Lock | None:
    """Lock the file ``path``, making it; return the lock, or None where it is held already.

    Raises :class:`OSError` where the file can be neither made nor locked.
    """
    try:
        return Lock(path, shared)
    except BlockingIOError:
        return None


def hold(folder: str | Path, take_over: Callable[[str], bool] | None = None) -> None:
    """Claim ``folder`` for this process and the jobs that it starts; :class:`StudyError` where another run holds it, or
    a job of an earlier one still lives, once ``take_over`` has ended those that it can and says whether there were any.

    The system ends the claim with the process, however that ends, so a killed run leaves nothing to be unlocked.
    """
    folder = Path(folder)
    claim = _locked(folder / CLAIM)
    if claim is None:
        raise _refused(folder, OTHER_RUN)
    try:
        ended = take_over is not None and take_over(str(folder))
        jobs = _locked(folder / JOBS)
        deadline = time.monotonic() + (DYING if ended else 0)
        while jobs is None and time.monotonic() < deadline:
            time.sleep(0.2)
            jobs = _locked(folder / JOBS)
    except BaseException:
        claim.release()
        raise
    if jobs is None:
        claim.release()
        raise _refused(folder, ORPHAN)
    os.environ[RUN] = f"{secrets.token_hex(8)} {folder.resolve()}"
    (folder / CLAIM).write_text(os.environ[RUN], encoding="utf-8")
    jobs.release()
    _HELD.append(claim)


def join(folder: str | Path) -> None:
    """Hold ``folder`` for this process as a job of the run that claimed it, beside the run's other jobs.

    :class:`StudyError` where another run has claimed it since. Outside of any run it is held alike.
    """
    folder = Path(folder)
    lock = _locked(folder / JOBS, shared=True)
    if lock is None:
        raise _refused(folder, "another run of the study, which begins")
    _HELD.append(lock)
    mine = os.environ.get(RUN, "")
    if mine.endswith(f" {folder.resolve()}") and mine != (folder / CLAIM).read_text(encoding="utf-8"):
        raise StudyError(
            f"{folder} was claimed by another run since the one that started this job",
            "a job of the run that writes there",
            "leave the study to that run",
        )


def check_free(folder: str | Path, jobs: bool = False) -> None:
    """Raise :class:`StudyError` where a run of the study holds ``folder``, or, with ``jobs``, a job of one that was
    ended; nothing is made."""
    for name, who in ((CLAIM, OTHER_RUN), *([(JOBS, ORPHAN)] if jobs else [])):
        path = Path(folder) / name
        if path.is_file() and os.access(path, os.R_OK | os.W_OK):
            lock = _locked(path)
            if lock is None:
                raise _refused(folder, who)
            lock.release()


def _locked(path: Path, shared: bool = False) -> Lock | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return take_lock(path, shared)
    except OSError as error:
        raise StudyError(
            f"{path} cannot be locked: {error}",
            "a file system with locks, so that one run at a time writes",
            "choose another results folder",
        ) from error


def _refused(folder: str | Path, who: str) -> StudyError:
    return StudyError(f"{folder} is being written by {who}", "one run at a time", "wait for it, or end it")
