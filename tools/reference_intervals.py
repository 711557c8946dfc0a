"""The intervals over seeds of the committed references, computed again from what their own tables say.

    python -m tools.reference_intervals

Of a row over three seeds or more a table has the mean, the standard deviation and whether its runs have intervals,
which is all that Student's interval needs: after a change of its form (or of a metric's range) the rows over seeds
follow without their studies being run. Rows of single runs, and all of a study with fewer seeds, whose intervals are
over groups or samples, stay as their study wrote them. So do, byte for byte, all other cells, and intervals that differ
by the rounding of what the table says.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t as student

from hydra_steps.config.reading import read_yaml
from hydra_steps.csv_files import read_csv
from hydra_steps.tables.seed_intervals import CONFIDENCE, FEWEST_SEEDS, on_scale
from hydra_steps.tables.tidy import LEADING, TRAILING
from tools.reference import REFERENCE


def renewed(table: pd.DataFrame, seeds: int) -> pd.DataFrame:
    """Return a table of texts with the intervals of its rows over ``seeds`` runs, where it has had one, made anew."""
    table = table.copy()
    spread = float(student.ppf((1 + CONFIDENCE) / 2, seeds - 1)) / math.sqrt(seeds)
    chosen = (table["seed"] == "all") & (table["sd_seeds"] != "") & (table["ci_low"] != "")
    for at, row in table[chosen].iterrows():
        half = spread * float(row["sd_seeds"])
        ends = on_scale(row["metric"], float(row["value"]) - half, float(row["value"]) + half)
        if not np.allclose(ends, [float(row["ci_low"]), float(row["ci_high"])], rtol=1e-8, atol=1e-9 * half):
            table.loc[at, ["ci_low", "ci_high"]] = [f"{end + 0.0:.10g}" for end in ends]
    return table


def renew(reference: Path) -> dict[str, int]:
    """Write a reference's tables of measurements with their intervals over seeds made anew: rows changed, by table."""
    seeds = len(read_yaml(reference / "config.yaml")["seeds"])
    changed = {}
    for path in sorted((reference / "tables").glob("*.csv")) if seeds >= FEWEST_SEEDS else []:
        table = read_csv(path, dtype=str, missing=())
        if set(LEADING + TRAILING) <= set(table.columns):
            new = renewed(table, seeds)
            if count := int((new != table).any(axis=1).sum()):
                path.write_text(new.to_csv(index=False, lineterminator="\n"), encoding="utf-8")
                changed[path.name] = count
    return changed


def main() -> None:
    """Run the command."""
    argparse.ArgumentParser(prog="python -m tools.reference_intervals", description=__doc__).parse_args()
    for reference in sorted(path for path in REFERENCE.iterdir() if (path / "config.yaml").is_file()):
        for name, count in renew(reference).items():
            print(f"{reference / 'tables' / name}: {count} intervals")


if __name__ == "__main__":
    main()
