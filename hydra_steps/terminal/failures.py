"""What failed, in one message: a job's own from its log, or Snakemake's without its list of files."""

from __future__ import annotations

import re
from pathlib import Path

from hydra_steps.refusals import refusal, refusal_in

OURS = "error: "
CLOCK = 2.0  # seconds by which a file's time may be behind
FOREIGN = "is no message of this package's"


def message_of_job(rule: str, log: Path | None, began: float = 0.0, refused: str = "") -> str:
    """Return what a job that failed says: the last error in its ``log``, or, where it could not say anything, what the
    machine ``refused`` Snakemake.

    A log from before the job ``began``, in seconds since 1970, is another job's.
    """
    try:
        known = log is not None and log.stat().st_mtime >= began - CLOCK
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log and known else []
    except OSError:
        lines = []
    ours = [line for line in lines if line.startswith(OURS)]
    if ours:
        return f"{ours[-1]} {lines[-1].strip()}" if FOREIGN in ours[-1] else ours[-1]
    if said := refused or (_why_silent(log) if log and not lines else ""):
        return f"{OURS}{said}"
    found = f"a job of {rule} ended without a message of its own"
    last = next((line for line in reversed(lines) if line.strip()), "")
    return f"{OURS}{found}" + (f"; the last line of its log: {last}" if last else "; it may have been killed")


def _why_silent(log: Path) -> str:
    """Return what the machine refuses whoever writes to a log in which nothing stands; empty for nothing."""
    try:
        with log.open("a") as out:
            out.write("\n")
    except OSError as error:
        return refusal(error) if error.filename else refusal(OSError(error.errno, error.strerror, str(log)))
    return ""


def message_of_snakemake(text: str) -> str:
    """Return what Snakemake says where no job failed: without the place in its files, and without lists of files."""
    if refused := refusal_in(text):
        return f"{OURS}{refused}"
    lines = [line for line in text.strip().splitlines() if not re.match(r'\s+File "', line)]
    if len(lines) > 1 and re.match(r"\w+(Error|Exception)( in |:$)", lines[0]):
        lines = lines[1:]
    said = lines[0].strip() if lines else "Snakemake ended without a message"
    return said if said.startswith(OURS) else f"{OURS}{said}"
