"""The steps of the data weights that smoothness is measured at."""

from __future__ import annotations

from collections.abc import Sequence


def all_steps(steps: Sequence[float]) -> list[float]:
    """The steps asked for, and twice the smallest where that is at most a removal: of two in a row directions agree.

    >>> all_steps([0.1, 0.3, 1.0])
    [0.1, 0.3, 1.0, 0.2]
    """
    twice = 2 * min(steps)
    return [*steps, *([twice] if twice <= 1 and twice not in steps else [])]
