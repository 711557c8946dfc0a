"""Names that removal curves and the search for flips share with the configuration: controls and sides.

Imports no torch.
"""

from __future__ import annotations

RANDOM_ORDER, ORACLE = "random_order", "oracle"
CONTROLS = (RANDOM_ORDER, ORACLE)
SIDES = ("most_harmful", "most_helpful")
