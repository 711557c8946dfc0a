"""A job of the workflow: what it says goes to its log and to the terminal, and what a user can mend is one
message."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from hydra_steps.errors import StudyError
from hydra_steps.job_environment import quiet
from hydra_steps.progress import DRAWN

_logger = logging.getLogger(__name__)


@contextmanager
def job(log: str | Path) -> Iterator[None]:
    """Run one call: write what it says to ``log`` and, where the terminal is a job's to write to, to standard error;
    where it fails, end with one message and exit code 1.

    What is said are the records of ``logging`` (this package's from INFO, others' from WARNING) and Python's warnings.
    """
    with _logged(Path(log)):
        try:
            yield
        except StudyError as error:
            _logger.error("error: %s", error)
            sys.exit(1)
        except Exception as error:
            kernel = re.match(r"(\S+) does not have a deterministic implementation", str(error))
            if kernel is None:
                _logger.exception("error: %s is no message of this package's:", type(error).__name__)
            else:
                _logger.error(
                    "error: the CUDA kernel %s has no deterministic form; expected: kernels that give the same "
                    "bytes in every run; what to do: set compute.device to cpu, or leave out what uses it",
                    kernel[1],
                )
            sys.exit(1)


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Send records and warnings to a file and to the terminal, for a while."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [logging.FileHandler(path, mode="w", encoding="utf-8")]
    handlers += [] if quiet() else [_Terminal()]
    root, ours = logging.getLogger(), logging.getLogger("hydra_steps")
    level = ours.level
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


class _Terminal(logging.StreamHandler[TextIO]):
    """Standard error, where bars make way for what is said, and what a bar shows is not said again."""

    def emit(self, record: logging.LogRecord) -> None:
        if not getattr(record, DRAWN, False):
            with tqdm.external_write_mode(file=self.stream):
                super().emit(record)
