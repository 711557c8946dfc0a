"""Which groups of samples make a split, where no group may be divided: the same answer for a plan and for its jobs.

Groups are gone through in an order that a seed decides, and each is taken that still fits. Where that leaves places,
the groups are looked for that fill them exactly, if there are any. Plain Python, since a plan must know the sizes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from hydra_steps.errors import StudyError

MOST_BITS = 4 * 10**9  # of the table that looks for an exact sum


def whole_groups(
    sizes: Sequence[int], wanted: Mapping[str, int], exact: Mapping[str, bool], seed: int
) -> dict[str, list[int]]:
    """Return the places of the groups of each split, drawn in the order of ``wanted`` without overlap.

    ``sizes``: of each group; ``wanted``: samples of each split. Where ``exact`` is false the nearest sum that groups
    have will do. Raises :class:`StudyError`, with that sum, where it must be exact and cannot be.

    >>> whole_groups([3, 3, 2], {"test": 5}, {"test": True}, 0)
    {'test': [0, 2]}
    """
    order = list(range(len(sizes)))
    Random(seed).shuffle(order)
    found: dict[str, list[int]] = {}
    for split, count in wanted.items():
        taken = _filled([sizes[place] for place in order], count)
        there = sum(sizes[order[at]] for at in taken)
        if there != count and exact[split]:
            raise StudyError(
                f"data.{split} is {count}, and no groups of samples have that many together (groups: {len(order):,}, "
                f"the largest {max((sizes[place] for place in order), default=0):,})",
                f"a number that whole groups have, such as {there}",
                f"set data.{split} to such a number, or to null",
            )
        found[split] = sorted(order[at] for at in taken)
        order = [place for at, place in enumerate(order) if at not in taken]
    return found


def _filled(sizes: Sequence[int], count: int) -> set[int]:
    """Return the places whose sizes sum to ``count``, or to the nearest below that can be had."""
    taken: set[int] = set()
    left = count
    for at, size in enumerate(sizes):
        if size <= left:
            taken.add(at)
            left -= size
    return taken if not left or len(sizes) * count > MOST_BITS else _exactly(sizes, count)


def _exactly(sizes: Sequence[int], count: int) -> set[int]:
    """The same by all sums: bit k of a number says whether k samples can be had of the groups so far."""
    limit = (1 << (count + 1)) - 1
    sums = [1]
    for size in sizes:
        sums.append((sums[-1] | sums[-1] << size) & limit)
    left = sums[-1].bit_length() - 1
    taken = set()
    for at in range(len(sizes) - 1, -1, -1):
        if not sums[at] >> left & 1:
            taken.add(at)
            left -= sizes[at]
    return taken
