"""Slurm jobs that outlive the run that submitted them.

A run that is killed leaves its jobs in the queue. They would write into the folders of the next run's jobs, so the
next run ends them first: every run notes in its results folder the name that its executor gives to all its jobs, and
the next one asks Slurm for jobs of the names that it finds there. What they had done is in checkpoints and banks, and
is not done again.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from hydra_steps.errors import StudyError

RUNS = ".cluster_runs"  # in the results folder: one name per line
PATIENCE = 120.0  # seconds that Slurm may take to end a job
COMMAND_SECONDS = 60.0


def take_over(folder: str | Path, name: str | None) -> None:
    """End what earlier runs left in Slurm's queue for the results ``folder``, and note ``name``, this run's.

    ``name`` is None for a run whose executor names no jobs: then only the leftovers are ended. To be called by the one
    run that holds the folder (:func:`hydra_steps.jobs.hold`). Raises :class:`StudyError` for jobs that do not end.
    """
    path = Path(folder) / RUNS
    earlier = path.read_text(encoding="utf-8").split() if path.is_file() else []
    if earlier:
        _end(earlier)
    if name:
        path.write_text(name + "\n", encoding="utf-8")
    else:
        path.unlink(missing_ok=True)


def _end(names: list[str]) -> None:
    """Cancel all jobs of these names and wait until they are gone."""
    if not (shutil.which("squeue") and shutil.which("scancel")):
        raise StudyError(
            f"an earlier run used Slurm (its jobs are named {', '.join(names)}), and there is no squeue here",
            "to see that none of its jobs is left",
            f"run where Slurm is, or end those jobs there and delete {RUNS} in the results folder",
        )
    left = _queued(names)
    if left:
        print(f"ending {len(left)} jobs of an earlier run: {' '.join(left)}", file=sys.stderr, flush=True)
        _slurm("scancel", *left)
    deadline = time.monotonic() + PATIENCE
    while left := _queued(names):
        if time.monotonic() > deadline:
            raise StudyError(
                f"jobs of an earlier run do not end: {' '.join(left)}",
                f"to be gone {PATIENCE:.0f} seconds after scancel",
                "look at them with squeue, and run again when they are gone",
            )
        time.sleep(1)


def _queued(names: list[str]) -> list[str]:
    """Return the numbers of the jobs that wait, run or are being ended."""
    said = _slurm(
        "squeue",
        "--noheader",
        "--states=PENDING,RUNNING,SUSPENDED,COMPLETING",
        "--format=%A",
        f"--name={','.join(names)}",
    )
    return sorted(set(said.split()), key=int)


def _slurm(*command: str) -> str:
    try:
        done = subprocess.run(command, text=True, capture_output=True, timeout=COMMAND_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StudyError(
            f"{command[0]} cannot be asked: {error}", fix="run again when Slurm answers"
        ) from error
    if done.returncode != 0:
        raise StudyError(
            f"{command[0]} ended with {done.returncode}: {done.stderr.strip()}",
            fix="run again when Slurm answers",
        )
    return done.stdout
