"""How much of a removal any score can predict, where a design has groups enough to tell."""

from __future__ import annotations

from hydra_steps.registry.decorators import sentence
from hydra_steps.report.variant_tables import Finding, VariantTables
from hydra_steps.report.words import number, percent
from hydra_steps.tables.frames import over_seeds

NEARLY_ALL = 0.95  # a share from which on samples may be said to add up


@sentence("additivity", chapter="Does the score predict re-training?", order=43)
def additivity(tables: VariantTables) -> list[Finding]:
    """Of each such design the share that is a sum over samples, and what that allows a score."""
    shares, ceilings = (
        over_seeds(tables.rows("counterfactual", metric)) for metric in ("additive_share", "additive_ceiling")
    )
    found = []
    for design in sorted(set(shares["design"])) if len(shares) else []:
        own, limit = (rows[rows["design"] == design] for rows in (shares, ceilings))
        query = tables.queries.main(own["query"])
        row, top = (rows[rows["query"] == query].iloc[0] for rows in (own, limit))
        text = f"Leaving out {percent(float(row['fraction']))}, {percent(max(0.0, float(row['value'])))} of what "
        text += f"differs between groups is a sum over their samples ({design}, {int(row['n'])} groups): "
        if float(row["value"]) >= NEARLY_ALL:
            found.append(Finding(f"{text}a score can predict nearly all of it."))
            continue
        ends = f"{number(max(0.0, float(top['ci_low'])))} to {number(min(1.0, float(top['ci_high'])))}"
        text += f"no score's correlation can exceed about {number(float(top['value']))} ({ends})."
        found.append(Finding(text, key=True))
    return found
