"""From the timing study's clock readings to ratios: each contestant over plain training, turn by turn.

``ratio_to_plain`` is the median over turns of seconds(contestant) / seconds(plain training) of the same turn,
and its interval the quartiles (not a confidence interval); ``seconds_per_step`` the median and quartiles of
the seconds. Measured, hence not the same bytes in every run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hydra_steps.errors import StudyError
from hydra_steps.evaluation.layout import run_of
from hydra_steps.evaluation.tables import make_table, write_table

PLAIN = "plain_training"


def describe_speed(measurements: Sequence[str | Path], output: str | Path) -> None:
    """Write ``speed.csv`` from the files of ``time_scoring``, ``…/runs/<run>/timing/seconds.csv``.

    Raises :class:`StudyError` for measurements without plain training.
    """
    rows = []
    for path in measurements:
        leading = run_of(path).columns
        readings = pd.read_csv(path)
        plain = readings[readings["contestant"] == PLAIN].set_index("repeat")["seconds"]
        if plain.empty:
            raise StudyError(f"{path} has no readings of {PLAIN}", fix="measure again")
        for (name, queries, tracked), part in readings.groupby(
            ["contestant", "queries", "tracked"], sort=True
        ):
            row = leading | {"method": name, "queries": queries, "tracked": tracked, "n": len(part)}
            ratios = part["seconds"].to_numpy() / plain.loc[part["repeat"]].to_numpy()
            per_step = part["seconds"].to_numpy() / part["steps"].to_numpy()
            for metric, values in (("ratio_to_plain", ratios), ("seconds_per_step", per_step)):
                low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
                rows.append(row | {"metric": metric, "value": median, "ci_low": low, "ci_high": high})
    write_table(make_table("speed", rows), output)
