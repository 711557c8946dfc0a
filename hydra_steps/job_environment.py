"""The environment that jobs run in: what has to be set before a process starts."""

from __future__ import annotations

import os
import sys

# What the GNU C library does with memory that is freed: it keeps up to 1 GiB of it for the next step, and takes pieces
# of up to 32 MiB from what it keeps. By default it gives the end of its heap back to the system as soon as it is free,
# and every step of a small model asks for the same megabytes again: up to a thousand page faults a step, a third of
# LeNet-5's time, and more where several jobs of a machine fault at once. It reads these when a process starts; other C
# libraries ignore them.
ENVIRONMENT = {"MALLOC_TRIM_THRESHOLD_": str(1 << 30), "MALLOC_MMAP_THRESHOLD_": str(32 << 20)}

# A folder for the head of a job's PYTHONPATH: what Python reads when the job starts, before the script.
START = os.path.join(os.path.dirname(__file__), "job_start")

# Set where jobs are to write to their logs alone, as somebody else writes to the terminal.
QUIET = "HYDRA_STEPS_QUIET"


def quiet() -> bool:
    """Whether this process is to leave the terminal alone."""
    return bool(os.environ.get(QUIET))


def start_as_job() -> None:
    """Start this program again with the environment of a job, where it has another one; what measures as jobs do calls
    this first.
    """
    if not ENVIRONMENT.keys() <= os.environ.keys():
        sys.stdout.flush()
        os.execve(sys.executable, sys.orig_argv, ENVIRONMENT | dict(os.environ))
