"""Which full states of a training are stored: a keep policy turned into checkpoint steps.

State 0 is the initial one and state T the final one; both are always kept. The states in between are kept
evenly, every k steps, and everything that is not kept is recomputed by replay, one segment of at most k steps
at a time:

===================  ==============================  ================================
policy               k                               states stored
===================  ==============================  ================================
``all``              1                               T + 1
``sqrt``             ceil(sqrt(T))                   about sqrt(T)
``{every: k}``       k                               T / k
``{budget: 2GB}``    the smallest k that fits        as many as fit the budget
``auto``             1 or about sqrt(T), see below   all, or at least about sqrt(T)
===================  ==============================  ================================

A sweep over states that are not all stored costs one more training, whatever k is, and holds k states in memory. So
``auto`` stores all of them where they take at most a tenth of the free disk (``SHARE``), and else as few as ``sqrt``
does, or more of them where k states would take more than a tenth of the memory and the disk allows it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import humanfriendly

from hydra_steps.errors import StudyError, nearest
from hydra_steps.machine import Available

SHARE = (
    0.1  # of the free disk and of the memory that `auto` takes at most: several jobs run beside each other
)


def checkpoint_steps(
    keep: str | Mapping[str, Any], steps: int, bytes_per_state: int, there: Available | None = None
) -> list[int]:
    """Return the steps whose states are stored, ascending, from 0 to ``steps``.

    ``keep`` is ``"all"``, ``"sqrt"``, ``{"every": k}``, ``{"budget": size}`` or ``"auto"``, which looks at what is
    ``there`` (by default no disk to speak of); ``bytes_per_state`` is the size of one full state (parameters,
    optimizer slots and buffers). A budget counts the states alone, not the batch indices and losses, which every
    policy stores. :class:`StudyError` if two states do not fit the budget.

    >>> checkpoint_steps({"every": 4}, 10, 0)
    [0, 4, 8, 10]
    """
    if steps < 0:
        raise ValueError(f"a training has at least 0 steps, not {steps}")
    if keep == "auto":
        every = automatic_spacing(steps, bytes_per_state, there or Available())
    else:
        every = _spacing(keep, steps, bytes_per_state)
    return [*range(0, steps, every), steps]


def automatic_spacing(steps: int, bytes_per_state: int, there: Available) -> int:
    """Return the number of steps from one stored state to the next under ``auto``.

    >>> automatic_spacing(10_000, 10**6, Available(disk=200e9)), automatic_spacing(10_000, 10**6, Available(disk=50e9))
    (1, 100)
    """
    sparse, state = _spacing("sqrt", steps, bytes_per_state), max(bytes_per_state, 1)
    states = int(SHARE * there.disk) // state
    if states > steps:
        return 1
    on_disk = -(-steps // (states - 1)) if states > 1 else sparse
    in_memory = max(1, int(min(sparse * state, SHARE * there.memory)) // state)
    return min(max(on_disk, in_memory), sparse)


def parse_bytes(size: str | int | float) -> int:
    """Return the bytes meant by ``2GB``, ``500 MB``, ``1.5GiB`` or a plain number.

    >>> parse_bytes("2 GB")
    2000000000
    """
    try:
        return int(humanfriendly.parse_size(str(size)))
    except humanfriendly.InvalidSize as error:
        raise StudyError(
            f"{size!r} is not a size", "a number and a unit, for example 2GB, 500 MB or 1.5GiB"
        ) from error


def format_bytes(size: int | float) -> str:
    """Return a size for people, in decimal units: ``493.65 KB``.

    >>> format_bytes(2_500_000)
    '2.5 MB'
    """
    return str(humanfriendly.format_size(round(size)))


def _spacing(keep: str | Mapping[str, Any], steps: int, bytes_per_state: int) -> int:
    """Return the number of steps from one stored state to the next."""
    if keep == "all":
        return 1
    if keep == "sqrt":
        return max(1, math.isqrt(max(steps - 1, 0)) + 1)
    if isinstance(keep, Mapping) and set(keep) == {"every"}:
        every = keep["every"]
        if not isinstance(every, int) or isinstance(every, bool) or every < 1:
            raise StudyError(f"trajectory.keep is every: {every!r}", "a whole number of steps, at least 1")
        return every
    if isinstance(keep, Mapping) and set(keep) == {"budget"}:
        return _spacing_within(parse_bytes(keep["budget"]), steps, bytes_per_state)
    if isinstance(keep, str):
        raise StudyError(
            f"trajectory.keep is {keep!r}", fix=nearest(keep, ["all", "sqrt", "auto", "every", "budget"])
        )
    raise StudyError(f"trajectory.keep is {keep!r}", "all, sqrt, auto, {every: k} or {budget: 2GB}")


def _spacing_within(budget: int, steps: int, bytes_per_state: int) -> int:
    """Return the smallest spacing whose states fit ``budget`` bytes."""
    affordable = budget // max(bytes_per_state, 1)
    needed = min(steps + 1, 2)
    if affordable < needed:
        raise StudyError(
            f"trajectory.keep allows {format_bytes(budget)}, "
            f"and one state takes {format_bytes(bytes_per_state)}",
            f"room for the first and the last state, {format_bytes(needed * bytes_per_state)}",
            "raise the budget",
        )
    # A spacing of k stores ceil(T / k) + 1 states, so the smallest k has ceil(T / k) <= affordable - 1.
    return max(1, -(-steps // max(affordable - 1, 1)))
