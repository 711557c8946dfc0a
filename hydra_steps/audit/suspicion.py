"""Where a sample stands among those whose label was left alone: one scale for all methods, copies and the data itself.

    u_n = share of the samples that were not planted with a lower contribution than n; a tie counts one half

Small is suspicious. Over the samples that were left alone u is uniform whatever the method's unit, so that what is
learnt on the copies of the data holds for the data themselves, where nothing is planted.
"""

from __future__ import annotations

import numpy as np


def suspicion(contribution: np.ndarray, planted: np.ndarray) -> np.ndarray:
    """Return u [n] in [0, 1] of contributions [n] and flags [n] that say which labels are planted.

    >>> suspicion(np.array([0.3, -1.0, 0.1]), np.array([False, True, False])).tolist()
    [0.75, 0.0, 0.25]
    """
    known = np.sort(contribution[~planted])
    below = np.searchsorted(known, contribution, "left")
    not_above = np.searchsorted(known, contribution, "right")
    place: np.ndarray = (below + not_above) / 2 / max(len(known), 1)
    return place
