"""What a study found, in sentences made from its tables by rule; the same rules whatever the outcome.

Each function looks at one table and one variant and returns sentences (plain text), none where the table has
nothing to say. Rules for better, worse and equal are in :mod:`hydra_steps.report.ranking`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from hydra_steps.figures.frames import (
    ALL_QUERIES,
    count_seeds,
    detection_query,
    main_design,
    main_query,
    over_seeds,
    per_run,
    plural,
    query_name,
)
from hydra_steps.report.ranking import Entry, Ranking, rank
from hydra_steps.report.words import duration, listing, number, percent

WEAK = 0.5  # an LDS below this orders the groups poorly
SIZE_TOLERANCE = 0.1  # a slope this near to one predicts the size too


@dataclass(frozen=True)
class Study:
    """The tables of one variant, by name, and the methods' names in words."""

    tables: Mapping[str, pd.DataFrame]
    labels: Mapping[str, str]

    def rows(self, table: str, metric: str) -> pd.DataFrame:
        """Return the rows of a metric; an empty table where there is none."""
        data = self.tables.get(table)
        columns = ["variant", "run", "seed", "method", "query", "metric", "n", "value"]
        return data[data["metric"] == metric] if data is not None else pd.DataFrame(columns=columns)


def training(study: Study) -> list[str]:
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
    return [
        f"After {epochs} the model classifies {percent(last['value'].mean())} of the test set correctly{spread}."
    ]


def noise(study: Study) -> list[str]:
    """How many labels are wrong."""
    rows = over_seeds(study.rows("noise", "rate")).dropna(subset=["value"])
    if rows.empty:
        return []
    share, count = float(rows["value"].iloc[0]), int(rows["n"].iloc[0])
    if share == 0:
        return [f"All {count:,} training labels are the clean ones."]
    return [f"{percent(share)} of the {count:,} training labels are wrong."]


def counterfactual(study: Study) -> list[str]:
    """Which method predicts re-training best, how much better, and whether the sizes are right."""
    data = main_design(study.rows("counterfactual", "lds"))
    query = main_query(data["query"])
    ranking = rank(data[data["query"] == query], study.labels)
    if ranking is None:
        return []
    best = ranking.best
    about = f"the {query_name(query or '')}, {plural(ranking.n, 'group')} left out"
    if best.value <= 0 or (best.bounded and best.low <= 0):
        lead = "No method predicts re-training better than chance"
        return [f"{lead}: the highest LDS is {best.text()} ({best.label}; {about})."]
    sentences = [f"{best.label} predicts re-training best: LDS {best.text()} ({about})."]
    if len(ranking.entries) == 1:
        sentences = [f"{best.label}, the only method measured, reaches an LDS of {best.text()} ({about})."]
    sentences += _company(ranking)
    if best.value < WEAK:
        sentences.append("Even so this is weak: the order of the groups is mostly missed.")
    sentences += _size(study, best, query)
    sentences += _over_queries(study, data, best)
    sentences += _control(ranking)
    exact = ranking.of("hydra_exact")
    if exact and exact in ranking.behind:
        sentences.append(
            f"Exact HyDRA, the derivative of training itself, reaches only {exact.text()}: here training does not "
            "respond smoothly to its weights over a change of this size."
        )
    return sentences


def detection(study: Study) -> list[str]:
    """Which method finds the wrong labels best, and what inspection by it yields."""
    data = study.rows("detection", "auroc")
    query = detection_query(data["query"])
    ranking = rank(data[data["query"] == query], study.labels)
    if ranking is None:
        return ["There are no wrong labels to find, so detection is not measured."] if len(data) else []
    best = ranking.best
    by = f"ranked by contribution to the {query_name(query or '')}"
    if best.value <= 0.5 or (best.bounded and best.low <= 0.5):
        lead = "No method finds wrong labels better than guessing"
        return [f"{lead}: the highest AUROC is {best.text()} ({best.label}; {by})."]
    sentences = [f"{best.label} finds the wrong labels best: AUROC {best.text()} ({by})."]
    if len(ranking.entries) == 1:
        lead = f"{best.label}, the only method measured, finds the wrong labels"
        sentences = [f"{lead} with an AUROC of {best.text()} ({by})."]
    sentences += _company(ranking)
    sentences += _inspection(study, best, query)
    worse = [e.label for e in ranking.entries if e.bounded and e.high < 0.5]
    if worse:
        verb = "ranks" if len(worse) == 1 else "rank"
        sentences.append(f"{listing(worse)} {verb} wrong labels as helpful: worse than guessing.")
    return sentences


def agreement(study: Study) -> list[str]:
    """Which method comes closest to exact HyDRA."""
    data = study.rows("agreement", "spearman")
    query = main_query(data["query"])
    ranking = rank(data[data["query"] == query], study.labels)
    if ranking is None:
        return []
    best = ranking.best
    text = f"Closest to exact HyDRA is {best.label}: Spearman ρ {number(best.value)}"
    details = []
    for metric, words in (("sign_disagreement", "of the signs differ"), ("relative_error", "relative error")):
        rows = over_seeds(study.rows("agreement", metric))
        rows = rows[(rows["method"] == best.method) & (rows["query"] == query)].dropna(subset=["value"])
        if len(rows):
            value = float(rows["value"].iloc[0])
            details.append(
                f"{percent(value)} {words}" if metric == "sign_disagreement" else f"{words} {number(value)}"
            )
    text += f" over {plural(ranking.n, 'sample')} for the {query_name(query or '')}"
    text += f"; {listing(details)}." if details else "."
    others = [f"{e.label} {number(e.value)}" for e in ranking.entries[1:]]
    return [text] + ([f"The others: {', '.join(others)}."] if others else [])


def cost(study: Study) -> list[str]:
    """What the scores cost, measured in trainings."""
    rows = over_seeds(study.rows("timing", "ratio_to_training")).dropna(subset=["value"])
    seconds = over_seeds(study.rows("timing", "seconds_training")).dropna(subset=["value"])
    if rows.empty:
        return []
    ratio = {
        row["method"]: float(row["value"]) for row in rows.sort_values(["value", "method"]).to_dict("records")
    }
    named = [f"{study.labels.get(m, m)} {v:.2g}×" for m, v in ratio.items() if v >= 0.005]
    base = f" ({duration(float(seconds['value'].mean()))})" if len(seconds) else ""
    return [f"Cost of scoring, in trainings{base}: {', '.join(named)}."] if named else []


def contrast(study: Study) -> list[str]:
    """Whether predicting re-training and finding wrong labels are the same skill here."""
    found = []
    for table, metric, choose in (
        ("counterfactual", "lds", main_query),
        ("detection", "auroc", detection_query),
    ):
        data = study.rows(table, metric)
        data = main_design(data)
        ranking = rank(data[data["query"] == choose(data["query"])], study.labels)
        if ranking is None or len(ranking.entries) < 2:
            return []
        found.append({ranking.best.label, *(e.label for e in ranking.ties)})
    if found[0] & found[1]:
        return []
    return [
        "Predicting re-training and finding wrong labels are different skills here: no method is best at both."
    ]


def seeds(study: Study) -> list[str]:
    """A warning where there is a single seed."""
    counts = [count_seeds(table) for table in study.tables.values() if len(table)]
    if counts and max(counts) == 1:
        return ["All numbers come from one seed, so nothing can be said about their spread over seeds."]
    return []


SECTIONS = {
    "training": training,
    "noise": noise,
    "counterfactual": counterfactual,
    "agreement": agreement,
    "detection": detection,
    "contrast": contrast,
    "cost": cost,
    "seeds": seeds,
}


def _company(ranking: Ranking) -> list[str]:
    sentences = []
    if ranking.ties:
        who = listing([f"{e.label} ({e.text()})" for e in ranking.ties])
        sentences.append(f"{who} cannot be told apart from it at this sample size.")
    behind = [e for e in ranking.behind if e.method != "random"]
    if behind:
        bounded = all(e.bounded for e in (ranking.best, *behind))
        lead = "After it, without intervals to judge by"
        if bounded:
            lead = "Behind it, with intervals that do not overlap its own"
        sentences.append(f"{lead}: {', '.join(f'{e.label} {number(e.value)}' for e in behind)}.")
    return sentences


def _size(study: Study, best: Entry, query: str | None) -> list[str]:
    rows = over_seeds(main_design(study.rows("counterfactual", "slope")))
    rows = rows[(rows["method"] == best.method) & (rows["query"] == query)].dropna(subset=["value"])
    if rows.empty:
        return []
    slope = float(rows["value"].iloc[0])
    if abs(slope - 1) <= SIZE_TOLERANCE:
        return [
            f"Its predictions have the right size, too (slope {number(slope)} of the real on the predicted change)."
        ]
    if slope <= 0:
        return [f"The size of its predictions is not to be trusted (slope {number(slope)})."]
    factor = number(slope if slope > 1 else 1 / slope, 1)
    word = "small" if slope > 1 else "large"
    return [f"Its predictions are too {word} by a factor of about {factor} (slope {number(slope)})."]


def _over_queries(study: Study, data: pd.DataFrame, best: Entry) -> list[str]:
    rows = over_seeds(data[data["method"] == best.method]).dropna(subset=["value"])
    single = rows[rows["query"] != ALL_QUERIES]
    mean = rows[rows["query"] == ALL_QUERIES]
    if len(single) < 2 or mean.empty:
        return []
    low, high = float(single["value"].min()), float(single["value"].max())
    return [
        f"Over all {len(single)} queries its mean LDS is {number(float(mean['value'].iloc[0]))} "
        f"(from {number(low)} to {number(high)})."
    ]


def _control(ranking: Ranking) -> list[str]:
    random = ranking.of("random")
    if random is None or not random.bounded:
        return []
    if random.low <= 0 <= random.high:
        return [f"Random scores give {random.text()}, no different from zero, as they should."]
    return [
        f"Random scores give {random.text()}, away from zero by chance: read small differences with care."
    ]


def _inspection(study: Study, best: Entry, query: str | None) -> list[str]:
    rows = study.rows("detection", "found_in_inspected")
    rows = over_seeds(rows[(rows["method"] == best.method) & (rows["query"] == query)]) if len(rows) else rows
    rows = rows.dropna(subset=["value"])
    if rows.empty:
        return []
    wrong = over_seeds(study.rows("noise", "rate"))["value"]
    aim = float(wrong.iloc[0]) if len(wrong) else 0.2
    row = rows.iloc[int((rows["fraction"] - aim).abs().argmin())]
    share = float(row["fraction"])
    perfect = f", a perfect ranking {percent(min(1.0, share / aim))}" if len(wrong) and aim > 0 else ""
    if not math.isfinite(share):
        return []
    found = percent(float(row["value"]))
    return [
        f"Inspecting the {percent(share)} of the training set that it trusts least finds {found} of the wrong labels "
        f"(guessing finds {percent(share)}{perfect})."
    ]
