"""Who is best, who cannot be told apart from the best, who is behind: by rule, from values and their intervals.

Two methods count as different only where their intervals do not overlap. An interval is the table's own where it has
one; else the mean ± one standard deviation over seeds stands in, which is not shown. Without either, only the order is
reported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from hydra_steps.report.variant_tables import Finding, VariantTables
from hydra_steps.report.words import interval, listing, number
from hydra_steps.tables.frames import over_seeds


@dataclass(frozen=True)
class RankedMethod:
    """One method's value with its interval (NaN: none).

    ``key`` is its label in the tables, ``method`` the registered method behind it, ``label`` its name in words.
    ``stands_in``: the ends are no interval, but one standard deviation away.
    """

    key: str
    method: str
    label: str
    value: float
    low: float = math.nan
    high: float = math.nan
    stands_in: bool = False

    @property
    def bounded(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)

    def beats(self, chance: float) -> bool:
        """Say whether the whole interval is above chance, or the value where there is no interval."""
        return self.low > chance if self.bounded else self.value > chance

    def text(self) -> str:
        """Return ``0.95 [0.91, 0.98]``, or ``0.95`` without an interval."""
        ends = () if self.stands_in else (self.low, self.high)
        shown = [x for x in (self.value, *ends) if math.isfinite(x)]
        fine = any(round(abs(x), 2) == 1 and abs(x) != 1 for x in shown)  # 0.998 is not 1
        return number(self.value, 2 + fine) + (interval(*ends, 2 + fine) if ends else "")


@dataclass(frozen=True)
class MethodRanking:
    """Methods from best to worst, with those that cannot be told apart from the first."""

    entries: tuple[RankedMethod, ...]
    n: int

    @property
    def best(self) -> RankedMethod:
        return self.entries[0]

    @property
    def ties(self) -> tuple[RankedMethod, ...]:
        """Return the entries whose interval overlaps the best's; only equal values where one has no interval."""
        return tuple(e for e in self.entries[1:] if overlaps(self.best, e))

    @property
    def behind(self) -> tuple[RankedMethod, ...]:
        return tuple(e for e in self.entries[1:] if not overlaps(self.best, e))

    def of(self, method: str) -> RankedMethod | None:
        """Return the best entry of a registered method or a control."""
        return next((e for e in self.entries if e.method == method), None)


def overlaps(a: RankedMethod, b: RankedMethod) -> bool:
    """Say whether two values cannot be told apart."""
    if a.bounded and b.bounded:
        return a.low <= b.high and b.low <= a.high
    return a.value == b.value


def company(ranking: MethodRanking) -> list[Finding]:
    """Who is level with the best, and who is behind."""
    found = []
    if ranking.ties:
        who = listing([f"{e.label} ({e.text()})" for e in ranking.ties])
        found.append(Finding(f"{who} cannot be told apart from it at this sample size.", key=True))
    behind = [e for e in ranking.behind if e.method != "random"]
    if behind:
        bounded = all(e.bounded for e in (ranking.best, *behind))
        lead = "Behind" if bounded else "Behind, without intervals to judge by"
        found.append(
            Finding(f"{lead}: {', '.join(f'{e.label} {number(e.value)}' for e in behind)}.", key=True)
        )
    return found


def rank(rows: pd.DataFrame, tables: VariantTables, *, largest: bool = True) -> MethodRanking | None:
    """Rank the summary rows of one variant, metric and query; None where no method has a value.

    ``tables`` says what labels mean. Methods of equal value stay in alphabetical order of their labels.
    """
    found = over_seeds(rows).dropna(subset=["value"])
    if found.empty:
        return None
    entries = []
    for row in found.to_dict("records"):
        value, low, high = (float(row.get(key, math.nan)) for key in ("value", "ci_low", "ci_high"))
        spread = float(row.get("sd_seeds", math.nan))
        stands_in = not (math.isfinite(low) and math.isfinite(high)) and math.isfinite(spread)
        if stands_in:
            low, high = value - spread, value + spread
        key = row["method"]
        words = tables.labels.get(key, key)
        entries.append(RankedMethod(key, tables.registered(key), words, value, low, high, stands_in))
    entries.sort(key=lambda e: (-e.value if largest else e.value, e.key))
    counts = found["n"].dropna() if "n" in found.columns else pd.Series(dtype=float)
    return MethodRanking(tuple(entries), int(counts.min()) if len(counts) else 0)
