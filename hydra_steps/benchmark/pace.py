"""Seconds at one pace of the machine, which may be faster in the morning than at noon."""

from __future__ import annotations

import numpy as np
import pandas as pd

PLAIN = "plain_training"
SIZE = ["samples", "parameters", "steps"]
KEYS = ["method", "axis", "queries", "tracked", *SIZE]  # what tells the rows of one metric apart


def at_one_pace(measured: pd.DataFrame) -> pd.DataFrame:
    """The rows ``seconds`` of one run, ``value``, ``low`` and ``high`` (quartiles) at one pace: where there is a ratio
    to plain training, which was read right before and after, it times the median of plain training of that size.

    A machine that slows down between two points of a line then does not bend it.
    """
    seconds, ratios = (
        measured[measured["metric"] == metric].set_index(KEYS, drop=False)
        for metric in ("seconds", "ratio_to_plain")
    )
    plain = seconds[seconds["method"] == PLAIN].drop_duplicates(SIZE).set_index(SIZE)["value"]
    pace = plain.reindex(pd.MultiIndex.from_frame(seconds[SIZE])).to_numpy(float)
    columns = {}
    for column in ("value", "low", "high"):
        at_pace = ratios[column].reindex(seconds.index).to_numpy(float) * pace
        columns[column] = np.where(np.isnan(at_pace), seconds[column], at_pace)
    return seconds.assign(**columns).reset_index(drop=True)
