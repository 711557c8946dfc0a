"""Which method predicts re-training best, which finds wrong labels best, and whether that is the same method.

Sentences by rule from ``counterfactual.csv`` and ``detection.csv`` of one variant. A method is called best only where
its interval excludes chance; methods whose intervals overlap its own are named beside it.
"""

from __future__ import annotations

import pandas as pd

from hydra_steps.report.ranking import Entry, Ranking, rank
from hydra_steps.report.study import Finding, Study
from hydra_steps.report.words import listing, number, percent
from hydra_steps.tables.frames import (
    ALL_QUERIES,
    detection_query,
    main_design,
    main_query,
    over_seeds,
    plural,
    query_name,
)

WEAK = 0.5  # an LDS below this orders the groups poorly
SIZE_TOLERANCE = 0.1  # a slope this near to one predicts the size too
NO_LDS, NO_AUROC = 0.0, 0.5  # what chance gives


def counterfactual(study: Study) -> list[Finding]:
    """Which method predicts re-training best, how much better, and whether the sizes are right."""
    ranking, query = _lds(study)
    if ranking is None:
        return []
    best = ranking.best
    about = f"{query_name(query or '')}, {plural(ranking.n, 'group')} left out"
    if not _beats(best, NO_LDS):
        text = f"No method predicts re-training better than chance: the highest LDS is {best.text()}"
        return [Finding(f"{text} ({best.label}; {about}).", key=True)]
    if len(ranking.entries) == 1:
        lead = f"{best.label}, the only method measured, reaches an LDS of {best.text()} ({about})."
    else:
        first = "comes first in predicting re-training" if ranking.ties else "predicts re-training best"
        lead = f"{best.label} {first}: LDS {best.text()} ({about})."
    found = [Finding(lead, key=True)]
    found += _size(study, best, query)
    found += _over_queries(study, best)
    found += _company(ranking)
    if best.value < WEAK:
        found.append(Finding("Even the best is weak: the order of the groups is mostly missed.", key=True))
    exact = ranking.of("hydra_exact")
    if exact and exact in ranking.behind:
        text = f"Exact HyDRA, the derivative of training itself, reaches only {exact.text()}: training may not respond "
        found.append(Finding(text + "smoothly to a change of this size here.", key=True))
    return found + _control(ranking)


def detection(study: Study) -> list[Finding]:
    """Which method finds the wrong labels best, and what inspection by it yields."""
    ranking, query = _auroc(study)
    if ranking is None:
        measured = len(study.rows("detection", "auroc"))
        text = "There are no wrong labels to find, so detection is not measured."
        return [Finding(text, key=True)] if measured else []
    best = ranking.best
    by = f"ranked by contribution to the {query_name(query or '')}"
    if not _beats(best, NO_AUROC):
        text = f"No method finds wrong labels better than guessing: the highest AUROC is {best.text()}"
        return [Finding(f"{text} ({best.label}; {by}).", key=True)]
    if len(ranking.entries) == 1:
        lead = f"{best.label}, the only method measured, finds the wrong labels with an AUROC of {best.text()} ({by})."
    else:
        first = "comes first in finding wrong labels" if ranking.ties else "finds the wrong labels best"
        lead = f"{best.label} {first}: AUROC {best.text()} ({by})."
    found = [Finding(lead, key=True)]
    found += _inspection(study, best, query)
    found += _company(ranking)
    worse = [e.label for e in ranking.entries if e.bounded and e.high < NO_AUROC and e.method != "random"]
    if worse:
        verb = "ranks" if len(worse) == 1 else "rank"
        found.append(Finding(f"{listing(worse)} {verb} wrong labels as helpful: worse than guessing."))
    return found


def contrast(study: Study) -> list[Finding]:
    """Whether predicting re-training and finding wrong labels are the same skill here."""
    leaders = []
    for (ranking, _), chance in ((_lds(study), NO_LDS), (_auroc(study), NO_AUROC)):
        if ranking is None or len(ranking.entries) < 2 or not _beats(ranking.best, chance):
            return []
        leaders.append({ranking.best.method, *(e.method for e in ranking.ties)})
    if leaders[0] & leaders[1]:
        return []
    text = "Predicting re-training and finding wrong labels are different skills here: no method is best at both."
    return [Finding(text, key=True)]


def _lds(study: Study) -> tuple[Ranking | None, str | None]:
    data = main_design(study.rows("counterfactual", "lds"))
    query = main_query(data["query"])
    return rank(data[data["query"] == query], study.labels), query


def _auroc(study: Study) -> tuple[Ranking | None, str | None]:
    data = study.rows("detection", "auroc")
    query = detection_query(data["query"])
    return rank(data[data["query"] == query], study.labels), query


def _beats(entry: Entry, chance: float) -> bool:
    return entry.low > chance if entry.bounded else entry.value > chance


def _company(ranking: Ranking) -> list[Finding]:
    """Who is level with the best, and who is behind."""
    found = []
    if ranking.ties:
        who = listing([f"{e.label} ({e.text()})" for e in ranking.ties])
        found.append(Finding(f"{who} cannot be told apart from it at this sample size.", key=True))
    behind = [e for e in ranking.behind if e.method != "random"]
    if behind:
        bounded = all(e.bounded for e in (ranking.best, *behind))
        lead = "Behind" if bounded else "Behind, without intervals to judge by"
        found.append(
            Finding(f"{lead}: {', '.join(f'{e.label} {number(e.value)}' for e in behind)}.", key=True)
        )
    return found


def _size(study: Study, best: Entry, query: str | None) -> list[Finding]:
    rows = over_seeds(main_design(study.rows("counterfactual", "slope")))
    rows = rows[(rows["method"] == best.method) & (rows["query"] == query)].dropna(subset=["value"])
    if rows.empty:
        return []
    slope = float(rows["value"].iloc[0])
    about = f"(slope {number(slope)} of the real on the predicted change)"
    if abs(slope - 1) <= SIZE_TOLERANCE:
        return [Finding(f"Its predictions have the right size, too {about}.")]
    if slope <= 0:
        return [Finding(f"The size of its predictions is not to be trusted {about}.")]
    factor, word = number(slope if slope > 1 else 1 / slope, 1), "small" if slope > 1 else "large"
    return [Finding(f"Its predictions are too {word} by a factor of about {factor} {about}.")]


def _over_queries(study: Study, best: Entry) -> list[Finding]:
    data = main_design(study.rows("counterfactual", "lds"))
    rows = over_seeds(data[data["method"] == best.method]).dropna(subset=["value"])
    single, mean = rows[rows["query"] != ALL_QUERIES], rows[rows["query"] == ALL_QUERIES]
    if len(single) < 2 or mean.empty:
        return []
    low, high = float(single["value"].min()), float(single["value"].max())
    middle = number(float(mean["value"].iloc[0]))
    text = f"Over all {len(single)} queries its mean LDS is {middle} (from {number(low)} to {number(high)})."
    return [Finding(text)]


def _control(ranking: Ranking) -> list[Finding]:
    random = ranking.of("random")
    if random is None or not random.bounded:
        return []
    if random.low <= 0 <= random.high:
        return [Finding(f"Random scores give {random.text()}, no different from zero, as they should.")]
    text = f"Random scores give {random.text()}, away from zero by chance: read small differences with care."
    return [Finding(text, key=True)]


def _inspection(study: Study, best: Entry, query: str | None) -> list[Finding]:
    """What is found at the inspected share nearest to the share of wrong labels."""
    rows = over_seeds(study.rows("detection", "found_in_inspected")).dropna(subset=["value"])
    rows = rows[(rows["method"] == best.method) & (rows["query"] == query)]
    if rows.empty:
        return []
    share = nearest_fraction(study, rows["fraction"])
    found = percent(float(rows.loc[rows["fraction"] == share, "value"].iloc[0]))
    wrong = share_wrong(study)
    perfect = f", a perfect ranking {percent(min(1.0, share / wrong))}" if wrong else ""
    text = f"Inspecting the {percent(share)} of the training set that it trusts least finds {found} of the wrong labels"
    return [Finding(f"{text} (guessing finds {percent(share)}{perfect}).", key=True)]


def share_wrong(study: Study) -> float | None:
    """Return the share of wrong labels, None where it is not known."""
    rates = over_seeds(study.rows("noise", "rate"))["value"].dropna()
    return float(rates.iloc[0]) if len(rates) else None


def nearest_fraction(study: Study, fractions: pd.Series) -> float:
    """Return the inspected share that is nearest to the share of wrong labels."""
    aim = share_wrong(study) or 0.2
    return float(min(sorted(set(fractions)), key=lambda fraction: abs(fraction - aim)))
