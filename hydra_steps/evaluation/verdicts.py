"""From comparisons to verdicts: Holm's correction within a claim, and one verdict for all of its comparisons.

A comparison holds, or does not hold, where its p, corrected for the number m of comparisons of its kind in the claim
(Holm, Scandinavian Journal of Statistics 1979), is below 1 − 0.95; else it is undecided:

    p_(1) ≤ … ≤ p_(m);  corrected p_(k) = max_{j ≤ k} min(1, (m − j + 1) p_(j))

So where nothing is true of m comparisons, any of them is decided in at most 5 % of studies, however they depend on one
another. Torch-free.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hydra_steps.tables.seed_intervals import CONFIDENCE

HOLDS, FAILS, OPEN = "holds", "does not hold", "undecided"


@dataclass(frozen=True)
class Comparison:
    """One measured row: ``p`` is two-sided, ``side`` is positive where ``value`` is on the claim's side."""

    variant: str
    method: str
    against: str
    n: int
    value: float
    low: float
    high: float
    verdict: str = OPEN
    p: float = math.nan
    side: float = 0.0


def holm(p: Sequence[float]) -> list[float]:
    """Holm's corrected p of each [m]; a comparison without p (NaN) keeps none and still counts among the m.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    raw = np.asarray(p, dtype=float)
    corrected = np.full(len(raw), np.nan)
    largest = 0.0
    for place, at in enumerate(np.argsort(raw, kind="stable")):  # NaN comes last
        if not math.isnan(raw[at]):
            largest = max(largest, min(1.0, (len(raw) - place) * raw[at]))
            corrected[at] = largest
    return corrected.tolist()


def decided(comparisons: Sequence[Comparison], kinds: Sequence[Hashable]) -> list[Comparison]:
    """Return the comparisons with corrected ``p`` and verdicts, in their order; each kind is corrected by itself."""
    found = list(comparisons)
    for kind in set(kinds):
        places = [place for place, own in enumerate(kinds) if own == kind]
        for place, p in zip(places, holm([found[place].p for place in places]), strict=True):
            sure = p < 1 - CONFIDENCE and found[place].side != 0  # NaN is not sure
            verdict = (HOLDS if found[place].side > 0 else FAILS) if sure else OPEN
            found[place] = replace(found[place], p=p, verdict=verdict)
    return found


def summed_up(comparisons: Sequence[Comparison]) -> str:
    """Return one verdict for several comparisons: the same for all, or in how many it holds and does not.

    Among undecided ones a single failure is no verdict on the whole claim: two at least are.
    """
    names = {
        verdict: sorted(
            {f"{one.variant} against {one.against}" for one in comparisons if one.verdict == verdict}
        )
        for verdict in (HOLDS, FAILS)
    }
    counts = {verdict: sum(one.verdict == verdict for one in comparisons) for verdict in (HOLDS, FAILS, OPEN)}
    total = len(comparisons)
    for verdict, count in counts.items():
        if count == total:
            return verdict
    where = {verdict: f"in {counts[verdict]} of {total}" for verdict in (HOLDS, FAILS)}
    if counts[HOLDS]:
        fails = f"; {FAILS} {where[FAILS]}" if counts[FAILS] else ""
        return f"{HOLDS} {where[HOLDS]}: {', '.join(names[HOLDS])}{fails}"
    if counts[FAILS] > 1:
        return f"{FAILS} {where[FAILS]}, {OPEN} in the others"
    return f"{OPEN}: {FAILS} {where[FAILS]} only, {names[FAILS][0]}"


def verdict_of(low: float, high: float) -> str:
    """The verdict of one interval by itself, past the claim's limit on its side.

    >>> verdict_of(0.1, 0.4)
    'holds'
    """
    if low > 0:
        return HOLDS
    return FAILS if high < 0 else OPEN
