"""Which method finds the wrong labels best, and whether it does better than a look at the sample's own loss.

Sentences by rule from ``detection.csv`` and ``noise.csv`` of one variant, or from ``suspects.csv`` where it is not
known which labels are wrong, as in
:mod:`hydra_steps.report.comparisons`.
"""

from __future__ import annotations

import pandas as pd

from hydra_steps.registry.decorators import sentence
from hydra_steps.report.ranking import MethodRanking, RankedMethod, company, overlaps, rank
from hydra_steps.report.variant_tables import Finding, VariantTables
from hydra_steps.report.words import brackets, listing, number, percent
from hydra_steps.tables.frames import over_seeds, per_run

NO_AUROC = 0.5  # what chance gives
PLAIN = ("final_loss", "margin")  # what one evaluation of the training data gives, the baselines to beat


@sentence("detection", chapter="Does the score find wrong labels?", paragraph=3, order=60)
def detection(tables: VariantTables) -> list[Finding]:
    """Which method finds the wrong labels best, what inspection by it yields, and what the plain baselines do."""
    ranking, query = auroc(tables)
    if ranking is None:
        return [Finding(_why_not(tables), key=True)] if len(tables.rows("detection", "auroc")) else []
    best, alone = ranking.best, len(ranking.entries) == 1
    by = f"ranked by contribution to the {tables.queries.words(query or '')}"
    if not best.beats(NO_AUROC):
        if alone:
            text = f"{best.label} does not find wrong labels better than guessing: AUROC {best.text()}"
            return [Finding(f"{text} ({by}).", key=True)]
        text = f"No method finds wrong labels better than guessing: the highest AUROC is {best.text()}"
        return [Finding(text + brackets([best.label, by]) + ".", key=True)]
    if alone:
        lead = f"{best.label}, the only method measured, finds the wrong labels with an AUROC of {best.text()} ({by})."
    else:
        first = "comes first in finding wrong labels" if ranking.ties else "finds the wrong labels best"
        lead = f"{best.label} {first}: AUROC {best.text()} ({by})."
    found = [Finding(lead, key=True)]
    found += _inspection(tables, best, query)
    found += company(ranking)
    found += _plain(ranking)
    worse = [e.label for e in ranking.entries if e.bounded and e.high < NO_AUROC and e.method != "random"]
    if worse:
        verb = "ranks" if len(worse) == 1 else "rank"
        found.append(Finding(f"{listing(worse)} {verb} wrong labels as helpful: worse than guessing."))
    return found


@sentence("suspects", chapter="Does the score find wrong labels?", paragraph=3, order=62)
def suspects(tables: VariantTables) -> list[Finding]:
    """That nothing is measured against the clean labels, and which samples to look at instead."""
    table = tables.by_name.get("suspects")
    if table is None:
        return []
    text = "Which labels are wrong is not known, so no score is measured by whether it finds them"
    if table.empty:
        return [Finding(f"{text}.", key=True)]
    most = int(table["rank"].max())
    listed = f"the {most} training samples" if most > 1 else "the training sample"
    look = f"the table of suspected labels lists {listed} with the lowest contribution by each method, to be looked at"
    return [Finding(f"{text}; {look}.", key=True)]


def auroc(tables: VariantTables) -> tuple[MethodRanking | None, str | None]:
    """Return the methods' ranking by AUROC, and the query it is by."""
    data = tables.rows("detection", "auroc")
    query = tables.queries.detection(data["query"])
    return rank(data[data["query"] == query], tables), query


def share_wrong(tables: VariantTables) -> float | None:
    """Return the share of wrong labels, None where it is not known."""
    rates = over_seeds(tables.rows("noise", "rate"))["value"].dropna()
    return float(rates.iloc[0]) if len(rates) else None


def nearest_fraction(tables: VariantTables, fractions: pd.Series) -> float:
    """Return the inspected share that is nearest to the share of wrong labels."""
    aim = share_wrong(tables) or 0.2
    return float(min(sorted(set(fractions)), key=lambda fraction: abs(fraction - aim)))


def _why_not(tables: VariantTables) -> str:
    """Why no method has an AUROC: of right and wrong labels one kind is missing, or the scores are."""
    rates = set(per_run(tables.rows("noise", "rate"))["value"].dropna()) or {share_wrong(tables)}
    if rates == {0.0}:
        return "There are no wrong labels to find, so detection is not measured."
    if rates == {1.0}:
        return "Every training label is wrong: there is no right one to tell it from, so detection is not measured."
    if rates & {0.0, 1.0}:
        missing = listing([word for rate, word in ((0.0, "wrong"), (1.0, "right")) if rate in rates])
        return f"With some seeds no training label is {missing}, so detection is not measured over the seeds."
    return "There are no scores to find the wrong labels by."


def _plain(ranking: MethodRanking) -> list[Finding]:
    """Compare the best method with the better of the plain baselines, which cost next to nothing."""
    entries = [e for e in ranking.entries if e.method in PLAIN]
    if len(ranking.entries) < 2:
        return []
    if not entries:
        return [Finding("Neither the final loss nor the margin was measured, the baselines to beat.")]
    plain, best = entries[0], ranking.best
    cost = "which costs one look at the training data"
    advice = "for wrong labels it is the first thing to try"
    if plain == best:
        return [Finding(f"{best.label} is a plain baseline, {cost}: {advice}.", key=True)]
    if overlaps(plain, best):
        text = f"{plain.label}, {cost}, cannot be told apart from the best: {advice}."
        return [Finding(text, key=True)]
    apart = f"by {number(best.value - plain.value)}" + (
        "" if plain.bounded and best.bounded else " (no intervals)"
    )
    text = f"{best.label} is ahead of {plain.label}, {cost}, {apart}"
    if not plain.beats(NO_AUROC):
        return [Finding(f"{text}; that baseline does not beat guessing here.", key=True)]
    return [Finding(f"{text}: that is what the effort gains.", key=True)]


def _inspection(tables: VariantTables, best: RankedMethod, query: str | None) -> list[Finding]:
    """What is found at the inspected share nearest to the share of wrong labels."""
    rows = over_seeds(tables.rows("detection", "found_in_inspected")).dropna(subset=["value"])
    rows = rows[(rows["method"] == best.key) & (rows["query"] == query)]
    if rows.empty:
        return []
    share = nearest_fraction(tables, rows["fraction"])
    found = percent(float(rows.loc[rows["fraction"] == share, "value"].iloc[0]))
    wrong = share_wrong(tables)
    perfect = f", a perfect ranking {percent(min(1.0, share / wrong))}" if wrong else ""
    text = f"Inspecting the {percent(share)} of the training set that it trusts least finds {found} of the wrong labels"
    return [Finding(f"{text} (guessing finds {percent(share)}{perfect}).", key=True)]
