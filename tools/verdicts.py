"""The README's table of the paper's claims, written from the committed references' tables.

``python -m tools.verdicts`` brings the section of ``README.md`` between its two marks up to date. A cell
sums up the verdicts for the paper's own method in one study, and gives the range of what its comparisons measured.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hydra_steps.csv_files import read_csv
from hydra_steps.report.words import number
from tools.marks import between, rewrite_readme

ROOT = Path(__file__).parents[1]
REFERENCE = "results/reference"
BEGIN, END = "<!-- claims: written by python -m tools.verdicts -->", "<!-- end of claims -->"
TABLES = {
    "MNIST": f"{REFERENCE}/mnist/tables/claims.csv",
    "Fashion-MNIST": f"{REFERENCE}/fashion_mnist/tables/claims.csv",
    "clock": f"{REFERENCE}/benchmark/tables/speed_claims.csv",
}
METHOD = "hydra_hessian_free"  # the paper's
# What the paper does not compare itself with, and the summary.
NOT_CLAIMED = ("final_loss", "as many removed at random", "all")


def verdict_table(root: Path = ROOT) -> str:
    """The table in Markdown: one row per claim and measure, one column per study."""
    tables = {name: read_csv(root / path, dtype={"claim": str}) for name, path in TABLES.items()}
    rows = pd.concat(tables.values())
    rows = rows[(rows["method"] == METHOD) & (rows["against"] != "all")]
    measures = rows.drop_duplicates(["claim", "measured"]).sort_values("claim", kind="stable")
    heads = [f"[{name}]({path})" for name, path in TABLES.items()]
    lines = [f"| claim | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
    for claim, measured, statement in measures[["claim", "measured", "statement"]].itertuples(index=False):
        cells = [_cell(table, claim, measured) for table in tables.values()]
        lines.append(f"| **{claim}** {statement}: {measured} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(table: pd.DataFrame, claim: str, measured: str) -> str:
    own = table[(table["claim"] == claim) & (table["measured"] == measured)]
    own = own[(own["method"] == METHOD) & ~own["against"].str.startswith(NOT_CLAIMED)]
    if own.empty:
        return ""
    counts = own["verdict"].value_counts()
    if len(counts) == 1:
        words = str(counts.index[0])
    else:
        order = [v for v in ("holds", "does not hold", "undecided") if v in counts.index]
        words = ", ".join(f"{verdict} in {counts[verdict]}" for verdict in order) + f" of {len(own)}"
    low, high = float(own["value"].min()), float(own["value"].max())
    values = _short(low) if len(own) == 1 else f"{_short(low)} to {_short(high)}"
    return f"{words} ({values})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else number(value)


def updated(text: str, root: Path = ROOT) -> str:
    """``text`` with the table between its two marks; :class:`StudyError` where they are not there."""
    return between(text, BEGIN, END, verdict_table(root), "the table of claims")


if __name__ == "__main__":
    rewrite_readme("python -m tools.verdicts", __doc__, updated)
