"""Numbers and lists in sentences: short, and never rounder than they are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from hydra_steps.config.targets import Metric

MINUS = "−"
FIXED_SPACE = "\u00a0"  # keeps a number and its unit on one line


def number(value: float, digits: int = 2) -> str:
    """Return ``value`` with ``digits`` decimals, one more where rounding would claim a perfect 1.

    >>> number(0.98765)
    '0.99'
    """
    if not math.isfinite(value):
        return "undefined"
    text = f"{value:.{digits}f}"
    if abs(float(text)) == 1.0 and abs(value) != 1.0:
        text = f"{value:.{digits + 1}f}"
    if float(text) == 0.0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def interval(low: float, high: float, digits: int = 2) -> str:
    """Return `` [low, high]``, or nothing where there is none.

    >>> interval(0.1, 0.25)
    ' [0.10, 0.25]'
    """
    return (
        f" [{number(low, digits)}, {number(high, digits)}]"
        if math.isfinite(low) and math.isfinite(high)
        else ""
    )


def percent(share: float) -> str:
    """Return a share in per cent: 19.7 %, 5 %, 0.2 %."""
    if not math.isfinite(share):
        return "an undefined share"
    value = 100.0 * share
    text = f"{value:.1f}" if abs(value) < 99.95 or value == 100.0 else f"{value:.2f}"
    return f"{text.removesuffix('.0').replace('-', MINUS)}{FIXED_SPACE}%"


def shown(metric: Metric, value: float) -> str:
    """Return a metric's value in its unit.

    >>> from hydra_steps.config.targets import METRICS
    >>> shown(METRICS["r2"], 0.456)
    '0.46'
    """
    return percent(value) if metric.factor == 100 else number(value)


def listing(items: Sequence[str]) -> str:
    """Return ``a``, ``a and b``, ``a, b and c``.

    >>> listing(["a", "b", "c"])
    'a, b and c'
    """
    items = list(items)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def brackets(parts: Iterable[str], between: str = "; ") -> str:
    """Return `` (a; b)`` of the parts that say something, or nothing where none does.

    >>> brackets(["n = 3", ""])
    ' (n = 3)'
    """
    said = [part for part in parts if part]
    return f" ({between.join(said)})" if said else ""


def all_of(number: int, nouns: str) -> str:
    """Return ``both runs``, ``all 3 runs``.

    >>> all_of(2, "methods")
    'both methods'
    """
    return f"both {nouns}" if number == 2 else f"all {number:,} {nouns}"


def duration(seconds: float) -> str:
    """Return seconds as a reader says them: 0.4 s, 12 s, 3.5 min, 2.1 h.

    >>> duration(75.0)
    '75 s'
    """
    for size, unit in ((3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
