"""Queries about single test samples, told by their names: what contribution vectors are made of. Imports no torch."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SINGLE = re.compile(r"test_(sample|margin)_(\d+)")


def single_test_queries(queries: Iterable[str]) -> dict[str, int]:
    """Return the queries about single test samples, with their positions in the test split, in the given order.

    Of losses and margins those that are more numerous, and losses where both are as many: the two have different
    units, so they never stand in one vector.
    """
    found: dict[str, dict[str, int]] = {"sample": {}, "margin": {}}
    for query in queries:
        match = _SINGLE.fullmatch(query)
        if match is not None:
            found[match[1]][query] = int(match[2])
    return max(found["sample"], found["margin"], key=len)
