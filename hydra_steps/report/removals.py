"""Whether training without what a score flags makes a better model, and how few samples a prediction hangs on.

Sentences by rule from ``removal.csv`` and ``brittleness.csv`` of one variant. A method is called best only where its
interval does not overlap the next one's; the controls (random order, oracle) are what it is compared with.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from hydra_steps.config.controls import CONTROLS, ORACLE, RANDOM_ORDER
from hydra_steps.config.targets import Metric
from hydra_steps.registry.decorators import sentence
from hydra_steps.report.ranking import MethodRanking, RankedMethod, overlaps, rank
from hydra_steps.report.variant_tables import Finding, VariantTables
from hydra_steps.report.words import brackets, listing, number, percent, shown
from hydra_steps.tables.frames import over_seeds, plural


@sentence("removal", chapter="Is training without what the score flags better?", paragraph=4, order=70)
def removal(tables: VariantTables) -> list[Finding]:
    """Per side and share removed: the best method by the test set's metric, against keeping all and the controls."""
    data = tables.rows("removal", f"test_{tables.metric('removal').name}")
    if data.empty:
        return []
    found = []
    for side in sorted(set(data["side"])):
        for fraction in sorted(set(data["fraction"]) - {0.0}):
            found += _removed(tables, data[data["side"] == side], side, fraction)
    return found


def _removed(tables: VariantTables, data: pd.DataFrame, side: str, fraction: float) -> list[Finding]:
    rows, metric = data[data["fraction"] == fraction], tables.metric("removal")
    helps = side == "most_harmful"
    largest = helps == metric.better
    ranking = rank(rows[~rows["method"].isin(CONTROLS)], tables, largest=largest)
    if ranking is None:
        return []
    best, everyone = ranking.best, rank(rows, tables, largest=largest)
    controls = {label: everyone.of(label) for label in CONTROLS} if everyone else {}
    kept = data[data["fraction"] == 0]
    text = _reached(tables, rows, ranking, helps, fraction)
    against = _against(tables, controls, kept)
    found = [Finding(text + (f"; {listing(against)}." if against else "."), key=helps)]
    if ranking.ties:
        found.append(Finding(f"Not told apart from it: {listing([e.label for e in ranking.ties])}."))
    return found + _judged(
        best, rank(kept, tables) if helps else None, controls, helps, 1 if metric.better else -1
    )


def _reached(
    tables: VariantTables, rows: pd.DataFrame, ranking: MethodRanking, helps: bool, fraction: float
) -> str:
    """Say what training anew reaches without what the best method flags."""
    best = ranking.best
    queries = sorted({query for query in rows["query"] if query})
    by = f" by contribution to the {tables.queries.words(queries[0])}" if len(queries) == 1 else ""
    text = f"Without the {percent(fraction)} that {best.label} ranks most {'harmful' if helps else 'helpful'}{by}"
    text += f", training anew reaches {_share(best, tables.metric('removal'))} on the test set"
    first = "highest" if helps == tables.metric("removal").better else "lowest"
    place = f"{first} of {plural(len(ranking.entries), 'method')}"
    several = f"mean of {plural(ranking.n, 'fresh training')}"
    counted = {0: "", 1: "one fresh training"}.get(ranking.n, several)
    return text + brackets([place if len(ranking.entries) > 1 else "", counted])


def _against(
    tables: VariantTables, controls: Mapping[str, RankedMethod | None], kept: pd.DataFrame
) -> list[str]:
    """Say what the controls reach, and what is reached where nothing is removed."""
    metric = tables.metric("removal")
    said = [
        f"{tables.labels.get(label, label).lower()} {_share(entry, metric)}"
        for label, entry in controls.items()
        if entry
    ]
    whole = over_seeds(kept)["value"].dropna()
    return said + ([f"nothing removed {shown(metric, float(whole.mean()))}"] if len(whole) else [])


def _judged(
    best: RankedMethod,
    kept: MethodRanking | None,
    controls: Mapping[str, RankedMethod | None],
    helps: bool,
    sign: int,
) -> list[Finding]:
    """Say whether removing is better than not, than at random, and as good as by the true labels; ``sign`` is −1 where
    less is better."""
    found = []
    if kept and not overlaps(best, kept.best) and sign * best.value < sign * kept.best.value:
        found.append(
            Finding("Removing nothing is better: what is lost weighs more than the wrong labels.", key=True)
        )
    random, oracle = controls.get(RANDOM_ORDER), controls.get(ORACLE)
    if random and (overlaps(best, random) or (sign * best.value < sign * random.value) == helps):
        found.append(Finding("That is no better than removing at random.", key=helps))
    elif oracle and helps and overlaps(best, oracle):
        found.append(Finding("It cannot be told apart from removing by the true labels."))
    return found


@sentence("brittleness", chapter="How few samples does a prediction hang on?", paragraph=4, order=80)
def brittleness(tables: VariantTables) -> list[Finding]:
    """Which method needs to remove the fewest samples to flip a prediction."""
    flipped = over_seeds(tables.rows("brittleness", "flipped")).dropna(subset=["value"])
    if flipped.empty:
        return []
    medians = tables.rows("brittleness", "median_smallest_group")
    ranking = rank(medians[medians["method"] != RANDOM_ORDER], tables, largest=False)
    share = dict(zip(flipped["method"], flipped["value"], strict=True))
    count = flipped["n"].min()
    tried = plural(int(count), "correct prediction") if count > 0 else "the correct predictions"
    if ranking is None:
        return _never_flipped(tables, share, tried)
    best = ranking.best
    size = number(best.value, 0)
    size = f"{'a median of ' if count != 1 else ''}{size} {'sample' if size == '1' else 'samples'}"
    if len(ranking.entries) > 1:
        text = f"{best.label} finds the smallest groups that flip a prediction: {size} over {tried}"
    else:
        text = f"By {best.label} it takes {size} to flip a prediction, over {tried}"
    text += f", {percent(share[best.key])} of them flipped" if count != 1 and best.key in share else ""
    random = rank(medians[medians["method"] == RANDOM_ORDER], tables, largest=False)
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
    lead = "The others' medians" if len(others) > 1 else "The other's median"
    return [*found, Finding(f"{lead}: {', '.join(others)}.")] if others else found


def _never_flipped(tables: VariantTables, share: dict[str, float], tried: str) -> list[Finding]:
    """No method has a median: each leaves more than half of the predictions as they are."""
    own = {method: value for method, value in share.items() if method != RANDOM_ORDER} or share
    best = max(own, key=lambda method: (own[method], method))
    name, flips = tables.labels.get(best, best), percent(own[best])
    if len(own) == 1:
        return [Finding(f"{name} flips {flips} of {tried}, too few for a median size.", key=True)]
    return [Finding(f"No method flips half of {tried}; {name} flips most of them, {flips}.", key=True)]


def _share(entry: RankedMethod, metric: Metric) -> str:
    value, low, high = (shown(metric, one) for one in (entry.value, entry.low, entry.high))
    named = "" if metric.name == "accuracy" else f"{metric.words} "
    return f"{named}{value} [{low}, {high}]" if entry.bounded else f"{named}{value}"
