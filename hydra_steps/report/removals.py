"""Whether training without what a score flags makes a better model, and how few samples a prediction hangs on.

Sentences by rule from ``removal.csv`` and ``brittleness.csv`` of one variant. A method is called best only where its
interval does not overlap the next one's; the controls (random order, oracle) are what it is held against.
"""

from __future__ import annotations

import pandas as pd

from hydra_steps.counterfactual.controls import CONTROLS, ORACLE, RANDOM_ORDER
from hydra_steps.report.ranking import Entry, overlaps, rank
from hydra_steps.report.study import Finding, Study
from hydra_steps.report.words import listing, number, percent
from hydra_steps.tables.frames import over_seeds, plural, query_name


def removal(study: Study) -> list[Finding]:
    """Per side and share removed: the best method by test accuracy, against keeping all and against the controls."""
    data = study.rows("removal", "test_accuracy")
    if data.empty:
        return []
    found = []
    for side in sorted(set(data["side"])):
        for fraction in sorted(set(data["fraction"]) - {0.0}):
            found += _removed(study, data[data["side"] == side], side, fraction)
    return found


def _removed(study: Study, data: pd.DataFrame, side: str, fraction: float) -> list[Finding]:
    rows = data[data["fraction"] == fraction]
    helps = side == "most_harmful"
    ranking = rank(rows[~rows["method"].isin(CONTROLS)], study.labels, largest=helps)
    if ranking is None:
        return []
    best, everyone = ranking.best, rank(rows, study.labels, largest=helps)
    controls = {label: everyone.of(label) for label in CONTROLS} if everyone else {}
    queries = sorted({query for query in rows["query"] if query})
    by = f" by contribution to the {query_name(queries[0])}" if len(queries) == 1 else ""
    what = f"Without the {percent(fraction)} that {{}} ranks most {'harmful' if helps else 'helpful'}{by}"
    against = [
        f"{study.labels.get(label, label).lower()} {_share(entry)}"
        for label, entry in controls.items()
        if entry
    ]
    whole = over_seeds(data[data["fraction"] == 0])["value"].dropna()
    against += [f"nothing removed {percent(float(whole.mean()))}"] if len(whole) else []
    text = f"{what.format(best.label)}, training anew reaches {_share(best)} on the test set"
    text += f" ({'highest' if helps else 'lowest'} of {plural(len(ranking.entries), 'method')}; "
    text += f"mean of {plural(ranking.n, 'fresh training')}); {listing(against)}." if against else ")."
    found = [Finding(text, key=helps)]
    if ranking.ties:
        found.append(Finding(f"Not told apart from it: {listing([e.label for e in ranking.ties])}."))
    kept = rank(data[data["fraction"] == 0], study.labels)
    if helps and kept and not overlaps(best, kept.best) and best.value < kept.best.value:
        found.append(
            Finding("Removing nothing is better: what is lost weighs more than the wrong labels.", key=True)
        )
    random, oracle = controls.get(RANDOM_ORDER), controls.get(ORACLE)
    if random and (overlaps(best, random) or (best.value < random.value) == helps):
        found.append(Finding("That is no better than removing at random.", key=helps))
    elif oracle and helps and overlaps(best, oracle):
        found.append(Finding("It cannot be told apart from removing by the true labels."))
    return found


def brittleness(study: Study) -> list[Finding]:
    """Which method needs to remove the fewest samples to flip a prediction."""
    flipped = over_seeds(study.rows("brittleness", "flipped")).dropna(subset=["value"])
    if flipped.empty:
        return []
    medians = study.rows("brittleness", "median_smallest_group")
    ranking = rank(medians[medians["method"] != RANDOM_ORDER], study.labels, largest=False)
    share = dict(zip(flipped["method"], flipped["value"], strict=True))
    tried = plural(int(flipped["n"].min()), "correct prediction")
    if ranking is None:
        best = max(share, key=lambda method: (share[method], method))
        text = (
            f"No method flips half of {tried}; {study.labels.get(best, best)} flips {percent(share[best])}."
        )
        return [Finding(text, key=True)]
    best_entry = ranking.best
    text = f"{best_entry.label} finds the smallest groups that flip a prediction: a median of "
    text += f"{number(best_entry.value, 0)} samples over {tried}, {percent(share[best_entry.method])} of them flipped"
    random = rank(medians[medians["method"] == RANDOM_ORDER], study.labels, largest=False)
    if random:
        text += f"; in random order it takes {number(random.best.value, 0)}"
    elif RANDOM_ORDER in share:
        text += f"; in random order {percent(share[RANDOM_ORDER])} flip"
    found = [Finding(f"{text}.", key=True)]
    if ranking.ties:
        found.append(
            Finding(f"Not told apart from it: {listing([e.label for e in ranking.ties])}.", key=True)
        )
    others = [f"{e.label} {number(e.value, 0)}" for e in ranking.entries[1:]]
    return [*found, Finding(f"The others' medians: {', '.join(others)}.")] if others else found


def _share(entry: Entry) -> str:
    if not entry.bounded:
        return percent(entry.value)
    return f"{percent(entry.value)} [{percent(entry.low)}, {percent(entry.high)}]"
