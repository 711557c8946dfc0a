"""The tables of the paper's claims in ``docs/claims.md``, written from the committed references' tables.

``python -m tools.verdicts`` brings the section of ``docs/claims.md`` between its two marks up to date. The first table
has one row for each claim: a verdict of a few words, the one number that decides, and where the comparisons stand. The
second has every measure of a claim, with the range of what was compared. All are about the paper's own method, over all
studies.

A claim is decided by the first of its measures. A study's p is corrected for its own comparisons of the claim (Holm);
here it is also multiplied by the number of studies that speak to the claim (Bonferroni), so that all verdicts of a
claim together are wrong by chance in at most 5 % of cases.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hydra_steps.csv_files import read_csv
from hydra_steps.evaluation.verdicts import FAILS, HOLDS, OPEN
from hydra_steps.report.words import number
from hydra_steps.tables.seed_intervals import CONFIDENCE
from tools.marks import PAGES, between, rewrite

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
    """The first table in Markdown: one row per claim."""
    lines = [
        "| | the paper's claim | verdict | the number that decides | evidence |",
        "|---|---|---|---|---|",
    ]
    for claim, own in _compared(root).groupby("claim"):
        first = own[own["measured"] == own["measured"].iloc[0]]
        number_of = f"**{_short(first['value'].median())}** {first['measured'].iloc[0]}"
        statement = first["statement"].iloc[0]
        verdict = _verdict(_over_studies(first))
        lines.append(f"| {claim} | {statement} | **{verdict}** | {number_of} | {_links(first)} |")
    return "\n".join(lines) + "\n"


def measure_table(root: Path = ROOT) -> str:
    """The second table in Markdown: one row per claim and measure."""
    lines = ["| | measured | verdict | comparisons | median (range) |", "|---|---|---|---|---|"]
    for claim, own in _compared(root).groupby("claim"):
        for measured, rows in own.groupby("measured", sort=False):
            verdict, found = _verdict(_over_studies(rows)), _median(rows["value"])
            lines.append(f"| {claim} | {measured} | {verdict} | {len(rows)} | {found} |")
    return "\n".join(lines) + "\n"


def _compared(root: Path) -> pd.DataFrame:
    """The comparisons of the paper's method, with the ``study`` of each."""
    tables = [read_csv(root / path, dtype={"claim": str}).assign(study=name) for name, path in TABLES.items()]
    rows = pd.concat(tables)
    return rows[(rows["method"] == METHOD) & ~rows["against"].str.startswith(NOT_CLAIMED)]


def _links(own: pd.DataFrame) -> str:
    return ", ".join(f"[{name}](../{TABLES[str(name)]})" for name in dict.fromkeys(own["study"]))


def _over_studies(own: pd.DataFrame) -> list[str]:
    """The verdicts of comparisons, with their p corrected for the number of studies as well; the clock's have none."""
    if "p_holm" not in own:
        return [str(verdict) for verdict in own["verdict"]]
    corrected = own["p_holm"] * own["study"].nunique()
    kept = own["p_holm"].isna() | (corrected < 1 - CONFIDENCE)
    return [str(verdict) for verdict in own["verdict"].where(kept, OPEN)]


def _verdict(verdicts: list[str]) -> str:
    """One verdict of at most six words for all comparisons."""
    holds, fails, total = verdicts.count(HOLDS), verdicts.count(FAILS), len(verdicts)
    if fails == total:
        return "fails"
    if total in (holds, verdicts.count(OPEN)):
        return verdicts[0]
    if holds and fails:
        return f"mixed: {holds} hold, {fails} fail"
    return f"{HOLDS} in {holds} of {total}" if holds else f"fails in {fails} of {total}"


def _median(values: pd.Series) -> str:
    low, middle, high = values.min(), values.median(), values.max()
    return _short(middle) if len(values) == 1 else f"{_short(middle)} ({_short(low)} to {_short(high)})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else number(value)


def updated(text: str, root: Path = ROOT) -> str:
    """``text`` with the tables between its two marks; :class:`StudyError` where they are not there."""
    content = f"{verdict_table(root)}\n## Every measure\n\n{measure_table(root)}"
    return between(text, BEGIN, END, content, "the tables of claims")


if __name__ == "__main__":
    rewrite(PAGES / "claims.md", "python -m tools.verdicts", __doc__, updated)
