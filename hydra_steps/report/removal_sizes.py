"""What a removal of each size is best predicted by: a score that was made for it, or one made for small groups."""

from __future__ import annotations

import pandas as pd

from hydra_steps.registry.decorators import sentence
from hydra_steps.report.variant_tables import Finding, VariantTables
from hydra_steps.report.words import listing, number, percent
from hydra_steps.tables.frames import over_seeds
from hydra_steps.tables.queries import ALL_QUERIES

FROM = {
    "same_seed": "",
    "fresh_seeds": " from fresh seeds",
    "same_subset": " by training on the rest",
    "fresh_subset": " by training on the rest from fresh seeds",
}
SMALL = 0.05  # up to here a derivative at all the data stands for a small group


@sentence("removal_sizes", chapter="Does the score predict re-training?", order=42)
def removal_sizes(tables: VariantTables) -> list[Finding]:
    """For each removal that a score was made for: its LDS, and that of the best score made for small groups."""
    rows = over_seeds(tables.rows("removal_sizes", "lds"))
    rows = rows[rows["query"] == ALL_QUERIES].dropna(subset=["value"])
    if rows.empty:
        return []
    found = []
    for truth, words in FROM.items():
        for fraction in sorted(set(rows["fraction"])):
            own = rows[(rows["truth"] == truth) & (rows["fraction"] == fraction)]
            made_for, small = own[own["predicts"] == fraction], own[own["predicts"] == 0]
            if len(made_for) and len(small):
                text = f"Leaving out {percent(fraction)}{words}: {_best(made_for, tables)}, made for that; "
                found.append(Finding(f"{text}of those made for small groups {_best(small, tables)}."))
    covered = {*rows["predicts"].dropna()}
    without = [share for share in sorted(set(rows["fraction"])) if share > SMALL and share not in covered]
    if without:
        text = f"No score here was made for leaving out {listing([percent(share) for share in without])}"
        found.append(Finding(f"{text}: `hydra_centred` with that `fraction` would be."))
    return found


def _best(rows: pd.DataFrame, tables: VariantTables) -> str:
    """The highest mean LDS and whose it is."""
    best = rows.sort_values(["value", "method"], ascending=[False, True]).iloc[0]
    label = str(best["method"])
    return f"{tables.labels.get(label, label)} reaches a mean LDS of {number(float(best['value']))}"
