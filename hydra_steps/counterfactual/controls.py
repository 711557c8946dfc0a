"""Names that removal curves and the search for flips share with the configuration: controls, sides, queries.

Imports no torch.
"""

from __future__ import annotations

import re

RANDOM_ORDER, ORACLE = "random_order", "oracle"
CONTROLS = (RANDOM_ORDER, ORACLE)
SIDES = ("most_harmful", "most_helpful")
_SINGLE = re.compile(r"test_(?P<kind>sample|margin)_(?P<position>\d+)")


def flipping_position(query: str) -> int | None:
    """Return the test sample whose prediction a query is about; None for a query about more or another split."""
    match = _SINGLE.fullmatch(query)
    return int(match["position"]) if match else None
