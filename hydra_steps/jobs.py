"""A job of the workflow: what it says goes to its log and to the terminal, and what a user can mend is one
message."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from hydra_steps.errors import StudyError
from hydra_steps.interrupted import CODE, MESSAGE
from hydra_steps.job_environment import quiet
from hydra_steps.progress import DRAWN
from hydra_steps.refusals import refusal, without_order

_logger = logging.getLogger(__name__)

COLLECT = (700, 10, 10)  # Python's own thresholds of garbage collection


@contextmanager
def job(log: str | Path) -> Iterator[None]:
    """Run one call: write what it says to ``log`` and, where the terminal is a job's to write to, to standard error;
    where it fails, end with one message and exit code 1.

    What is said are the records of ``logging`` (this package's from INFO, others' from WARNING) and Python's warnings.
    Failures of the machine, such as a disk that is full, and an end from the keyboard are one message, too.
    """
    if (
        not gc.get_freeze_count()
    ):  # what was imported stays, and need not be looked through again (see job_start)
        gc.freeze()
    gc.set_threshold(*COLLECT)
    with _logged(Path(log)):
        try:
            yield
        except (Exception, KeyboardInterrupt) as error:
            if message := _message(error):
                _logger.error("error: %s", message)
            else:
                _logger.exception("error: %s is no message of this package's:", type(error).__name__)
            sys.exit(CODE if isinstance(error, KeyboardInterrupt) else 1)


def _message(error: BaseException) -> str:
    """Return the message for a failure that has one; an empty text for a mistake of a program."""
    match error:
        case StudyError():
            return str(error)
        case KeyboardInterrupt():
            return MESSAGE
        case MemoryError():
            said = f" ({error})" if str(error) else ""
            return f"too little memory for this job{said}; what to do: run fewer jobs at a time (--cores)"
        case OSError() if said := refusal(error):
            return said
    return str(without_order(error) or "")


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Send records and warnings to a file and to the terminal, for a while; to the terminal alone where the file cannot
    be written."""
    handlers: list[logging.Handler] = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(_Log(path, mode="w", encoding="utf-8"))
    except OSError:  # the job's own writing says why
        handlers.append(_Terminal())
    handlers += [] if quiet() or isinstance(handlers[0], _Terminal) else [_Terminal()]
    root, ours = logging.getLogger(), logging.getLogger("hydra_steps")
    level, told = ours.level, logging.raiseExceptions
    logging.raiseExceptions = False  # a line that cannot be written is no stack on the terminal
    ours.setLevel(logging.INFO)
    logging.captureWarnings(True)
    for handler in handlers:
        root.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
        logging.captureWarnings(False)
        ours.setLevel(level)
        logging.raiseExceptions = told


class _Log(logging.FileHandler):
    """A log that is closed also where its disk is full: the job's own writing says so."""

    def close(self) -> None:
        """Close the file, whatever of it could be written."""
        with suppress(OSError):
            super().close()


class _Terminal(logging.StreamHandler[TextIO]):
    """Standard error, where bars make way for what is said, and what a bar shows is not said again."""

    def emit(self, record: logging.LogRecord) -> None:
        if not getattr(record, DRAWN, False):
            with tqdm.external_write_mode(file=self.stream):
                super().emit(record)
