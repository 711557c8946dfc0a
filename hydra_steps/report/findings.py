"""What a study found, in sentences made from its tables by rule; the same rules whatever the outcome.

Each function looks at the tables of one variant and returns findings, none where the tables have nothing to say. The
comparisons of methods are in :mod:`hydra_steps.report.comparisons`, :mod:`~hydra_steps.report.wrong_labels` and
:mod:`~hydra_steps.report.removals`, the rules for better, worse and equal in :mod:`~hydra_steps.report.ranking`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd

from hydra_steps.report.comparisons import contrast, counterfactual
from hydra_steps.report.ranking import rank
from hydra_steps.report.removals import brittleness, removal
from hydra_steps.report.study import Finding, Study
from hydra_steps.report.trust import smoothness
from hydra_steps.report.words import duration, listing, number, percent
from hydra_steps.report.wrong_labels import detection
from hydra_steps.tables.frames import count_seeds, main_query, over_seeds, per_run, plural, query_name


def findings(study: Study, names: Iterable[str]) -> list[Finding]:
    """Return the findings of the named rules, in that order."""
    return [finding for name in names for finding in RULES[name](study)]


def training(study: Study) -> list[Finding]:
    """How well the trained model does at the end."""
    rows = per_run(study.rows("training", "test_accuracy")).dropna(subset=["value"])
    if rows.empty:
        return []
    last = rows[rows["epoch"] == rows["epoch"].max()]
    spread = ""
    if len(last) > 1:
        spread = f" (mean of {plural(len(last), 'seed')}, {percent(last['value'].min())} to "
        spread += f"{percent(last['value'].max())})"
    epochs = plural(int(last["epoch"].iloc[0]), "epoch")
    mean = percent(last["value"].mean())
    return [
        Finding(f"After {epochs} the model classifies {mean} of the test set correctly{spread}.", key=True)
    ]


def noise(study: Study) -> list[Finding]:
    """How many labels are wrong."""
    rows = over_seeds(study.rows("noise", "rate")).dropna(subset=["value"])
    if rows.empty:
        return []
    share, count = float(rows["value"].iloc[0]), rows["n"].iloc[0]
    labels = f"{count:,.0f} training labels" if count > 1 else "training labels"
    if share in (0.0, 1.0):
        return [Finding(f"All {labels} are {'wrong' if share else 'the clean ones'}.", key=True)]
    return [Finding(f"{percent(share)} of the {labels} are wrong.", key=True)]


def agreement(study: Study) -> list[Finding]:
    """Which method comes closest to exact HyDRA."""
    data = study.rows("agreement", "spearman")
    query = main_query(data["query"])
    ranking = rank(data[data["query"] == query], study.labels)
    if ranking is None:
        return []
    best = ranking.best
    if len(ranking.entries) > 1:
        text = f"Closest to exact HyDRA is {best.label}: Spearman ρ {number(best.value)}"
    else:
        text = f"{best.label}, the only method compared with exact HyDRA, has Spearman ρ {number(best.value)} with it"
    details = []
    for metric, words in (("sign_disagreement", "of the signs differ"), ("relative_error", "relative error")):
        rows = over_seeds(study.rows("agreement", metric))
        rows = rows[(rows["method"] == best.method) & (rows["query"] == query)].dropna(subset=["value"])
        if len(rows):
            value = float(rows["value"].iloc[0])
            sign = metric == "sign_disagreement"
            details.append(f"{percent(value)} {words}" if sign else f"{words} {number(value)}")
    text += f" over {plural(ranking.n, 'sample')}" if ranking.n else ""
    text += f" for the {query_name(query or '')}"
    text += f"; {listing(details)}." if details else "."
    others = [f"{e.label} {number(e.value)}" for e in ranking.entries[1:]]
    found = [Finding(text, key=True)]
    lead = "The others" if len(others) > 1 else "The other"
    return [*found, Finding(f"{lead}: {', '.join(others)}.")] if others else found


def claims(table: pd.DataFrame | None) -> list[Finding]:
    """What became of the paper's claims, one sentence each; ``table`` is ``claims.csv``."""
    if table is None:
        return []
    rows = table[table["against"] == "all"].to_dict("records")
    return [Finding(f"Claim {row['claim']}. {row['statement']}: {row['verdict']}.") for row in rows]


def cost(study: Study) -> list[Finding]:
    """What the scores cost, measured in trainings."""
    rows = over_seeds(study.rows("timing", "ratio_to_training")).dropna(subset=["value"])
    seconds = over_seeds(study.rows("timing", "seconds_training")).dropna(subset=["value"])
    if rows.empty:
        return []
    ratio = {
        row["method"]: float(row["value"]) for row in rows.sort_values(["value", "method"]).to_dict("records")
    }
    named = [
        f"{study.labels.get(m, m)} {v:.0f}×" if v >= 10 else f"{study.labels.get(m, m)} {v:.2g}×"
        for m, v in ratio.items()
        if v >= 0.005
    ]
    base = f" ({duration(float(seconds['value'].mean()))})" if len(seconds) else ""
    return [Finding(f"Cost of scoring all queries, in trainings{base}: {', '.join(named)}.")] if named else []


def seeds(study: Study) -> list[Finding]:
    """A warning where there is a single seed."""
    counts = [count_seeds(table) for table in study.tables.values() if len(table)]
    if counts and max(counts) == 1:
        text = "All numbers come from one seed, so nothing can be said about their spread over seeds."
        return [Finding(text, key=True)]
    return []


RULES: dict[str, Callable[[Study], list[Finding]]] = {
    "training": training,
    "noise": noise,
    "counterfactual": counterfactual,
    "agreement": agreement,
    "smoothness": smoothness,
    "detection": detection,
    "contrast": contrast,
    "removal": removal,
    "brittleness": brittleness,
    "cost": cost,
    "seeds": seeds,
}
