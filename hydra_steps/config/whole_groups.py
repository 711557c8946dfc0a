"""Which groups of samples make a split, where no group may be divided: the same answer for a plan and for its jobs.

Groups are gone through in an order that a seed decides. Of the next ones that still fit, that is taken which brings the
split nearest to the class shares of all groups. Where that leaves places, the groups taken last are given back until
others fill them exactly, if there are any. Plain Python, since a plan must know the sizes. Index letters: g groups, c
classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from hydra_steps.errors import StudyError

MOST_BITS = 4 * 10**9  # of the table that looks for an exact sum
CHOICE = 16  # so many groups are compared for a place

Counts = Sequence[int]  # a group's samples of each class [c]


def whole_groups(
    groups: Sequence[Counts], wanted: Mapping[str, int], exact: Mapping[str, bool], seed: int
) -> dict[str, list[int]]:
    """Return the places of the groups of each split, drawn in the order of ``wanted`` without overlap.

    ``groups`` [g, c]: samples of each class; ``wanted``: samples of each split. Where ``exact`` is false the nearest
    sum that groups have will do. Raises :class:`StudyError`, with that sum, where it must be exact and cannot be.

    >>> whole_groups([[3], [3], [2]], {"test": 5}, {"test": True}, 0)
    {'test': [0, 2]}
    """
    order = list(range(len(groups)))
    Random(seed).shuffle(order)
    shares = _shares(groups)
    found: dict[str, list[int]] = {}
    for split, count in wanted.items():
        taken = _filled([groups[place] for place in order], count, shares)
        there = sum(sum(groups[order[at]]) for at in taken)
        if there != count and exact[split]:
            raise StudyError(
                f"data.{split} is {count}, and no groups of samples have that many together (groups: {len(order):,}, "
                f"the largest {max((sum(groups[place]) for place in order), default=0):,})",
                f"a number that whole groups have, such as {there}",
                f"set data.{split} to such a number, or to null",
            )
        found[split] = sorted(order[at] for at in taken)
        order = [place for at, place in enumerate(order) if at not in taken]
    return found


def _shares(groups: Sequence[Counts]) -> list[float]:
    """Return each class's share of all samples [c]."""
    totals = [sum(column) for column in zip(*groups, strict=True)]
    return [total / max(sum(totals), 1) for total in totals]


def _filled(groups: Sequence[Counts], count: int, shares: Sequence[float]) -> set[int]:
    """Return the places of groups with ``count`` samples together, or the nearest below that can be had."""
    sizes = [sum(group) for group in groups]
    taken = _nearest(groups, count, shares)
    back = 0
    while sum(sizes[at] for at in taken) < count:
        kept = taken[: max(len(taken) - back, 0)]
        rest = [at for at in range(len(groups)) if at not in set(kept)]
        left = count - sum(sizes[at] for at in kept)
        if len(rest) * left > MOST_BITS:
            break
        others = [rest[at] for at in _exactly([sizes[at] for at in rest], left)]
        if sum(sizes[at] for at in others) == left or not kept:
            return {*kept, *others}
        back = 2 * back or 1
    return set(taken)


def _nearest(groups: Sequence[Counts], count: int, shares: Sequence[float]) -> list[int]:
    """Return places, in the order in which they were taken, that keep to the class shares as they fill ``count``."""
    waiting = list(reversed(range(len(groups))))  # the next ones last, where they are cheap to take out
    have, left, taken = [0] * len(shares), count, []
    while left and waiting:
        next_ones: list[int] = []
        for at in reversed(range(len(waiting))):
            if sum(groups[waiting[at]]) <= left:
                next_ones.append(at)
                if len(next_ones) == CHOICE:
                    break
        if not next_ones:
            break
        best = min(next_ones, key=lambda at: _distance(have, groups[waiting[at]], shares))
        taken.append(waiting.pop(best))
        have = [mine + its for mine, its in zip(have, groups[taken[-1]], strict=True)]
        left -= sum(groups[taken[-1]])
    return taken


def _distance(have: Counts, group: Counts, shares: Sequence[float]) -> float:
    """Return how far the classes of both together are from their shares: Σ_c (n_c − n p_c)²."""
    total = sum(have) + sum(group)
    return sum((h + g - total * share) ** 2 for h, g, share in zip(have, group, shares, strict=True))


def _exactly(sizes: Sequence[int], count: int) -> set[int]:
    """Return the same by all sums: bit k of a number says whether k samples can be had of the groups so far."""
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
