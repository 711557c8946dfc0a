"""``python -m tools.speed_repeat A/speed.csv B/speed.csv``: do two timing studies agree?

Of every ratio to plain training that both measured: whether the ranges between its quartiles overlap. Prints the count
for each run and the ratios that do not.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from hydra_steps.csv_files import read_csv
from hydra_steps.errors import StudyError, reported

KEY = ["run", "method", "axis", "queries", "tracked", "samples", "parameters", "steps"]


def compare_runs(first: str | Path, second: str | Path) -> pd.DataFrame:
    """One row per ratio that both tables ``speed.csv`` have: value, low, high of each, and ``overlaps``.

    :class:`StudyError` where they have none in common, and for a file that is no such table.
    """
    tables = []
    for path in (first, second):
        try:
            table = read_csv(path)
            chosen = table[(table["metric"] == "ratio_to_plain") & (table["extrapolated"] == 0)]
            tables.append(chosen[[*KEY, "value", "low", "high"]])
        except (OSError, ValueError, KeyError) as error:
            raise StudyError(
                f"{path} cannot be read: {error}", "a timing study's tables/speed.csv"
            ) from error
    both = tables[0].merge(tables[1], on=KEY, suffixes=("_first", "_second"))
    both = both[both["method"] != "plain_training"]
    if both.empty:
        raise StudyError(f"{first} and {second} have no ratio in common", "two runs of one timing study")
    return both.assign(
        overlaps=(both["low_first"] <= both["high_second"]) & (both["low_second"] <= both["high_first"])
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.speed_repeat",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    asked = parser.parse_args()
    with reported():
        both = compare_runs(asked.first, asked.second)
    for run, own in both.groupby("run"):
        print(
            f"{run}: the ranges between the quartiles overlap in {own['overlaps'].sum()} of {len(own)} ratios"
        )
    apart = both[~both["overlaps"]]
    if len(apart):
        print(
            apart.drop(columns="overlaps").to_string(index=False, float_format=lambda value: f"{value:.3g}")
        )


if __name__ == "__main__":
    main()
