"""What a study found, in sentences made from its tables by rule; the same rules whatever the outcome.

Each function looks at the tables of one variant and returns findings, none where the tables have nothing to say; those
without a chapter look at the whole study. The comparisons of methods are in :mod:`hydra_steps.report.comparisons`,
:mod:`~hydra_steps.report.wrong_labels` and :mod:`~hydra_steps.report.removals`, the rules for better, worse and equal
in :mod:`~hydra_steps.report.ranking`.
"""

from __future__ import annotations

from hydra_steps.registry.decorators import sentence
from hydra_steps.report.ranking import rank
from hydra_steps.report.variant_tables import Finding, VariantTables
from hydra_steps.report.words import duration, listing, number, percent, shown
from hydra_steps.tables.frames import count_seeds, over_seeds, per_run, plural


@sentence("training", chapter="Training", paragraph=1, order=20)
def training(tables: VariantTables) -> list[Finding]:
    """How well the trained model does at the end."""
    metric = tables.metric("training")
    rows = per_run(tables.rows("training", f"test_{metric.name}")).dropna(subset=["value"])
    if rows.empty:
        return []
    last = rows[rows["epoch"] == rows["epoch"].max()]
    spread = ""
    if len(last) > 1:
        spread = f" (mean of {plural(len(last), 'seed')}, {shown(metric, last['value'].min())} to "
        spread += f"{shown(metric, last['value'].max())})"
    epochs = plural(int(last["epoch"].iloc[0]), "epoch")
    mean = shown(metric, last["value"].mean())
    if metric.name != "accuracy":
        return [
            Finding(
                f"After {epochs} the model reaches {metric.words} {mean} on the test set{spread}.", key=True
            )
        ]
    return [
        Finding(f"After {epochs} the model classifies {mean} of the test set correctly{spread}.", key=True)
    ]


@sentence("noise", chapter="Label noise", paragraph=1, order=30)
def noise(tables: VariantTables) -> list[Finding]:
    """How many labels are wrong."""
    rows = over_seeds(tables.rows("noise", "rate")).dropna(subset=["value"])
    if rows.empty:
        return []
    share, count = float(rows["value"].iloc[0]), rows["n"].iloc[0]
    labels = f"{count:,.0f} training labels" if count > 1 else "training labels"
    if share in (0.0, 1.0):
        return [Finding(f"All {labels} are {'wrong' if share else 'the clean ones'}.", key=True)]
    return [Finding(f"{percent(share)} of the {labels} are wrong.", key=True)]


@sentence("agreement", chapter="How far from exact HyDRA?", paragraph=2, order=50)
def agreement(tables: VariantTables) -> list[Finding]:
    """Which method comes closest to exact HyDRA."""
    data = tables.rows("agreement", "spearman")
    query = tables.queries.main(data["query"])
    ranking = rank(data[data["query"] == query], tables)
    if ranking is None:
        return []
    best = ranking.best
    if len(ranking.entries) > 1:
        text = f"Closest to exact HyDRA is {best.label}: Spearman ρ {number(best.value)}"
    else:
        text = f"{best.label}, the only method compared with exact HyDRA, has Spearman ρ {number(best.value)} with it"
    details = []
    for metric, words in (("sign_disagreement", "of the signs differ"), ("relative_error", "relative error")):
        rows = over_seeds(tables.rows("agreement", metric))
        rows = rows[(rows["method"] == best.key) & (rows["query"] == query)].dropna(subset=["value"])
        if len(rows):
            value = float(rows["value"].iloc[0])
            sign = metric == "sign_disagreement"
            details.append(f"{percent(value)} {words}" if sign else f"{words} {number(value)}")
    text += f" over {plural(ranking.n, 'sample')}" if ranking.n else ""
    text += f" for the {tables.queries.words(query or '')}"
    text += f"; {listing(details)}." if details else "."
    others = [f"{e.label} {number(e.value)}" for e in ranking.entries[1:]]
    found = [Finding(text, key=True)]
    lead = "The others" if len(others) > 1 else "The other"
    return [*found, Finding(f"{lead}: {', '.join(others)}.")] if others else found


@sentence("claims", order=10)
def claims(tables: VariantTables) -> list[Finding]:
    """What became of the paper's claims, one sentence each."""
    table = tables.by_name.get("claims")
    if table is None:
        return []
    rows = table[table["against"] == "all"].to_dict("records")
    return [Finding(f"Claim {row['claim']}. {row['statement']}: {row['verdict']}.") for row in rows]


@sentence("cost", chapter="What does it cost?", order=110)
def cost(tables: VariantTables) -> list[Finding]:
    """What the scores cost, measured in trainings."""
    rows = over_seeds(tables.rows("timing", "ratio_to_training")).dropna(subset=["value"])
    seconds = over_seeds(tables.rows("timing", "seconds_training")).dropna(subset=["value"])
    if rows.empty:
        return []
    ratio = {
        row["method"]: float(row["value"]) for row in rows.sort_values(["value", "method"]).to_dict("records")
    }
    named = [
        f"{tables.labels.get(m, m)} {v:.0f}×" if v >= 10 else f"{tables.labels.get(m, m)} {v:.2g}×"
        for m, v in ratio.items()
        if v >= 0.005
    ]
    base = f" ({duration(float(seconds['value'].mean()))})" if len(seconds) else ""
    return [Finding(f"Cost of scoring all queries, in trainings{base}: {', '.join(named)}.")] if named else []


@sentence("statuses", order=115)
def statuses(tables: VariantTables) -> list[Finding]:
    """Which methods have no scores on some run, and why."""
    table = tables.by_name.get("statuses")
    if table is None or table.empty:
        return []
    found = []
    for method, rows in per_run(table).groupby("method", sort=True):
        for reason, missing in rows[rows["status"] != "scored"].groupby("reason", sort=False):
            why = str(reason).partition("; expected: ")[0].partition("; what to do: ")[0]
            where = "" if len(missing) == len(rows) else f" in {len(missing)} of {len(rows)} runs"
            text = f"{tables.labels.get(str(method), str(method))} has no scores{where}"
            found.append(Finding(f"{text}{f': {why}' if why else ''}.", key=True))
    return found


@sentence("seeds", order=120)
def seeds(tables: VariantTables) -> list[Finding]:
    """A warning where there is a single seed."""
    counts = [
        count_seeds(table) for table in tables.by_name.values() if "seed" in table.columns and len(table)
    ]
    if counts and max(counts) == 1:
        text = "All numbers come from one seed, so nothing can be said about their spread over seeds."
        return [Finding(text, key=True)]
    return []
