"""Slurm jobs that outlive the run that submitted them.

A run that is killed leaves its jobs in the queue. They would write into the folders of the next run's jobs, so the
next run ends them first. How it knows them: each run gives its jobs a word of its own in the environment, which Slurm
passes on. A job that starts signs in: it leaves the name that Slurm has for it, which all jobs of a run share, in the
results folder, and the next run asks Slurm for the jobs of the names that it finds there. A job that has not started
by then, and so has left no name, finds another word there when it does, and goes no further. What they had done is in
checkpoints and banks, and is not done again.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

from hydra_steps.errors import StudyError

ROSTER = (
    ".cluster"  # in the results folder: the file ``run`` with a run's word, and a file for each name of jobs
)
RUN = "run"
# In the environment of a run's jobs: its word, and the number of the Slurm job that it is itself in, if any.
VARIABLE = "HYDRA_STEPS_RUN"
# A name that no other job has: it ends with the identifier that the executor makes for each run.
UNIQUE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
PATIENCE = 120.0  # seconds that Slurm may take to end a job
COMMAND_SECONDS = 60.0


def take_over(folder: str | Path) -> bool:
    """End what earlier runs left in Slurm's queue for the results ``folder``, and begin a run of its own; return
    whether there was anything to end.

    To be called by the one run that holds the folder (:func:`hydra_steps.jobs.hold`), before it submits anything.
    Raises :class:`StudyError` for jobs that do not end.
    """
    roster = Path(folder) / ROSTER
    roster.mkdir(parents=True, exist_ok=True)
    word = secrets.token_hex(8)
    partial = roster / f"{RUN}.partial"
    partial.write_text(word, encoding="utf-8")
    os.replace(partial, roster / RUN)  # from here on no job of an earlier run starts to work
    ended = _end(roster)
    os.environ[VARIABLE] = f"{word} {os.environ.get('SLURM_JOB_ID', '')}".strip()
    return ended


def sign_in(folder: str | Path) -> None:
    """Let a job of Slurm say in the results ``folder`` that it is there; nothing happens in any other process.

    Raises :class:`StudyError` for a job whose run has ended.
    """
    word, _, outer = os.environ.get(VARIABLE, "").partition(" ")
    job, name = os.environ.get("SLURM_JOB_ID", ""), os.environ.get("SLURM_JOB_NAME", "")
    if not word or not job or job == outer:
        return
    roster = Path(folder) / ROSTER
    if UNIQUE.search(name) and roster.is_dir():
        # Before the word is read: a run that changes it meanwhile looks for names after that.
        (roster / f"{name}.jobs").touch()
    if not (roster / RUN).is_file() or (roster / RUN).read_text(encoding="utf-8") != word:
        raise StudyError(
            f"the run that submitted this job has ended, and another one writes to {folder}",
            "jobs of the run that is going on",
            "nothing; that run does this job's work",
        )


def _end(roster: Path) -> bool:
    """Cancel all jobs that signed in here, wait until they are gone, and forget them; say whether any were left."""
    names = sorted(file.stem for file in roster.glob("*.jobs"))
    if not names:
        return False
    if not (shutil.which("squeue") and shutil.which("scancel")):
        raise StudyError(
            f"an earlier run used Slurm (its jobs are named {', '.join(names)}), and there is no squeue here",
            "to see that none of its jobs is left",
            f"run where Slurm is, or end those jobs there and delete {roster}",
        )
    ended = bool(left := _queued(names))
    if ended:
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
    for name in names:
        (roster / f"{name}.jobs").unlink(missing_ok=True)
    return ended


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
