"""A job of the workflow: what it says goes to its log and to the terminal, and what a user can mend is one
message."""

from __future__ import annotations

import fcntl
import io
import re
import resource
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO

import psutil

from hydra_steps.errors import StudyError

COSTS = re.compile(r"took ([\d.]+) s, ([\d.]+) s of processor time, (\d+) bytes at most")
NEWS_SECONDS = 60.0  # between two lines of a log about one bar
_HELD: list[TextIO] = []  # open for as long as this process lives


class _Tee(io.TextIOBase):
    """Text for the terminal, and finished lines for a log: a redrawn bar leaves a line a minute, and its last state."""

    def __init__(self, terminal: TextIO, log: TextIO) -> None:
        self._terminal, self._log, self._line = terminal, log, ""
        self._said = time.monotonic()  # when the log last got a line

    def write(self, text: str) -> int:
        drawn = self._terminal.isatty()
        if drawn:
            self._terminal.write(text)
        *finished, self._line = (self._line + text).split("\n")
        self._line = self._line.rpartition("\r")[2] or self._line[-1000:]
        for line in finished:
            last = line.rstrip("\r").rpartition("\r")[2] + "\n"
            self._log.write(last)
            if not drawn:
                self._terminal.write(last)
        now = time.monotonic()
        if not finished and self._line and now - self._said >= NEWS_SECONDS:
            self._log.write(self._line + "\n")
            finished = [self._line]
        if finished:
            self._said = now
            self._log.flush()
        return len(text)

    def flush(self) -> None:
        self._terminal.flush()

    def isatty(self) -> bool:
        return self._terminal.isatty()


@contextmanager
def job(log: str | Path) -> Iterator[None]:
    """Run one call: copy what it says to ``log``, and there, at its end, what it took; where it fails, end with one
    message and exit code 1.
    """
    path = Path(log)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        tee = _Tee(sys.stderr, file)
        with redirect_stdout(tee), redirect_stderr(tee):
            try:
                yield
            except StudyError as error:
                print(f"error: {error}", file=sys.stderr, flush=True)
                sys.exit(1)
            except Exception as error:
                kernel = re.match(r"(\S+) does not have a deterministic implementation", str(error))
                if kernel is None:
                    traceback.print_exc()
                else:
                    print(
                        f"error: the CUDA kernel {kernel[1]} has no deterministic form; expected: kernels that "
                        "give the same bytes in every run; what to do: set compute.device to cpu, or leave out "
                        "what uses it",
                        file=sys.stderr,
                        flush=True,
                    )
                sys.exit(1)
        file.write(_costs() + "\n")


def _costs() -> str:
    """Say what this process took since it was started."""
    seconds = time.time() - psutil.Process().create_time()
    unit = 1 if sys.platform == "darwin" else 1024
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return f"took {seconds:.2f} s, {time.process_time():.2f} s of processor time, {memory} bytes at most"


def read_costs(log: str | Path) -> tuple[float, float, float] | None:
    """Return (seconds, processor seconds, peak bytes) of a finished job from its log; None for an unfinished one."""
    lines = Path(log).read_text(encoding="utf-8").splitlines()
    found = COSTS.fullmatch(lines[-1]) if lines else None
    return (float(found[1]), float(found[2]), float(found[3])) if found else None


def hold(folder: str | Path) -> None:
    """Claim ``folder`` for this process; :class:`StudyError` where another one holds it.

    The system ends the claim with the process, however that ends, so a killed run leaves nothing to be unlocked.
    """
    path = Path(folder) / ".lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise StudyError(
            f"{folder} is being written by another run of the study",
            "one run at a time",
            "wait for it, or end it",
        ) from error
    _HELD.append(file)
