"""How near the cheap values come to the sampled ones, and for which part of their cost."""

from __future__ import annotations

import numpy as np

from hydra_steps.registry.decorators import sentence
from hydra_steps.report.variant_tables import Finding, VariantTables
from hydra_steps.report.words import number
from hydra_steps.tables.frames import over_seeds
from hydra_steps.tables.queries import ALL_QUERIES


@sentence("values", chapter="Does the score predict re-training?", order=44)
def values(tables: VariantTables) -> list[Finding]:
    """The nearest of the methods that cost at most a hundredth of the sampled values, beside the ceiling."""
    rows = over_seeds(tables.rows("values", "pearson"))
    cost = over_seeds(tables.rows("values", "trainings")).set_index("method")["value"]
    asked = (
        ALL_QUERIES
        if ALL_QUERIES in set(rows["query"])
        else tables.queries.main(rows["query"])
        if len(rows)
        else ""
    )
    rows = rows[rows["query"] == asked].dropna(subset=["value"])
    sampled = cost.drop(labels=[*rows["method"]], errors="ignore").dropna()
    rows = rows.assign(cost=rows["method"].map(cost))
    cheap = rows[rows["cost"] <= sampled.max() / 100] if len(sampled) else rows[:0]
    if cheap.empty:
        return []
    best = cheap.sort_values(["value", "method"], ascending=[False, True]).iloc[0]
    label = str(best["method"])
    text = (
        f"Of the values that cost at most a hundredth of the sampled ones, {tables.labels.get(label, label)} comes "
        f"nearest: Pearson {number(float(best['value']))} for {best['cost']:.0f} trainings instead of "
        f"{sampled.max():,.0f}"
    )
    limits = over_seeds(tables.rows("values", "ceiling"))
    limit = limits.loc[limits["query"] == asked, "value"].max()
    return [Finding(text + (f"; the ceiling is {number(limit)}." if np.isfinite(limit) else "."))]
