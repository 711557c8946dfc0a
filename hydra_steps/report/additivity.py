"""How much of a removal any score can predict, where a design has groups enough to tell."""

from __future__ import annotations

from hydra_steps.registry.decorators import sentence
from hydra_steps.report.variant_tables import Finding, VariantTables
from hydra_steps.report.words import number, percent
from hydra_steps.tables.frames import over_seeds, plural
from hydra_steps.tables.queries import ALL_QUERIES

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
        query = ALL_QUERIES if ALL_QUERIES in set(own["query"]) else tables.queries.main(own["query"])
        row, top = (rows[rows["query"] == query].iloc[0] for rows in (own, limit))
        share = min(1.0, max(0.0, float(row["value"])))
        about = ", ".join([design, plural(int(row["n"]), "group"), tables.queries.words(query or "")])
        text = f"Of what differs between groups of {percent(float(row['fraction']))} that are left out, "
        text += f"{percent(share)} is a sum over their samples ({about}): "
        if share >= NEARLY_ALL:
            found.append(Finding(f"{text}a score can predict nearly all of it."))
            continue
        ends = f"{number(max(0.0, float(top['ci_low'])))} to {number(min(1.0, float(top['ci_high'])))}"
        text += f"no score's correlation with it can exceed about {number(float(top['value']))} ({ends})."
        found.append(Finding(text, key=True))
    return found
