"""``keep: auto``: decided when a training begins, and the same when it is continued.

The decision is written into the store (its attribute ``kept``), so a training that was killed goes on with the states
that it began with, however much of the disk is free by then; only where the rest no longer fits is it begun anew.
"""

from __future__ import annotations

import logging
from pathlib import Path

from hydra_steps.json_files import read_json_if_whole
from hydra_steps.machine import Available, available, bytes_in
from hydra_steps.trajectory.keep import automatic_spacing, checkpoint_steps, format_bytes
from hydra_steps.trajectory.manifest import STORE

KEPT = "kept"  # attribute of a store under `auto`: the policy that was taken, as {"every": k}

_logger = logging.getLogger(__name__)


def automatic_keep(scratch: Path, steps: int, bytes_per_state: int) -> dict[str, int]:
    """Return the policy ``{"every": k}`` for the training that is written to ``scratch``, and say it in the log."""
    there, written = available(scratch), bytes_in(scratch)
    begun = _begun(scratch)
    if begun is not None and _count(begun, steps) * bytes_per_state - written <= there.disk:
        every = begun
    else:
        # What was written there is removed before the training begins anew.
        there = Available(there.disk + written, there.memory)
        every = automatic_spacing(steps, bytes_per_state, there)
    _logger.info("%s", described(every, steps, bytes_per_state, there))
    return {"every": every}


def described(every: int, steps: int, bytes_per_state: int, there: Available) -> str:
    """Return in words what ``auto`` stores.

    >>> described(10, 99, 10**6, Available(disk=5e8))
    'keep: auto stores 11 of 100 states, one in 10, 11 MB; all take 100 MB, and the disk has 500 MB free'
    """
    stored = _count(every, steps)
    size, whole = (format_bytes(count * bytes_per_state) for count in (stored, steps + 1))
    free = f"the disk has {format_bytes(there.disk)} free"
    if every == 1:
        return f"keep: auto stores all {steps + 1:,} states, {whole}; {free}"
    few = f"keep: auto stores {stored:,} of {steps + 1:,} states, one in {every:,}, {size}"
    return f"{few}; all take {whole}, and {free}"


def _begun(scratch: Path) -> int | None:
    """Return the spacing with which the unfinished store there was begun; None where nothing says it."""
    try:
        every = (read_json_if_whole(scratch / STORE / "zarr.json") or {})["attributes"][KEPT]["every"]
    except (KeyError, TypeError):
        return None
    return every if isinstance(every, int) and every >= 1 else None


def _count(every: int, steps: int) -> int:
    return len(checkpoint_steps({"every": every}, steps, 0))
