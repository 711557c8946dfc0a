"""Which method predicts re-training best, and whether it is the one that finds wrong labels best.

Sentences by rule from ``counterfactual.csv`` and ``detection.csv`` of one variant. A method is called best only where
its interval excludes chance; methods whose intervals overlap its own are named beside it.
"""

from __future__ import annotations

from hydra_steps.registry.decorators import sentence
from hydra_steps.report.ranking import MethodRanking, RankedMethod, company, rank
from hydra_steps.report.variant_tables import Finding, VariantTables
from hydra_steps.report.words import all_of, brackets, number, percent
from hydra_steps.report.wrong_labels import NO_AUROC, auroc
from hydra_steps.tables.frames import main_design, over_seeds, plural
from hydra_steps.tables.queries import ALL_QUERIES

WEAK = 0.5  # an LDS below this orders the groups poorly
SIZE_TOLERANCE = 0.1  # a slope this near to one predicts the size too
NO_LDS = 0.0  # what chance gives


@sentence("counterfactual", chapter="Does the score predict re-training?", paragraph=2, order=40)
def counterfactual(tables: VariantTables) -> list[Finding]:
    """Which method predicts re-training best, how much better, and whether the sizes are right."""
    ranking, query = _lds(tables)
    if ranking is None:
        return []
    best, alone = ranking.best, len(ranking.entries) == 1
    groups = f"{plural(ranking.n, 'group')} left out" if ranking.n else ""
    about = [tables.queries.words(query or ""), groups]
    if not best.beats(NO_LDS):
        if alone:
            text = f"{best.label} does not predict re-training better than chance: LDS {best.text()}"
            return [Finding(f"{text}{brackets(about, ', ')}.", key=True)]
        text = f"No method predicts re-training better than chance: the highest LDS is {best.text()}"
        return [Finding(f"{text}{brackets([best.label, ', '.join(filter(None, about))])}.", key=True)]
    if alone:
        lead = f"{best.label}, the only method measured, reaches an LDS of {best.text()}"
    else:
        first = "comes first in predicting re-training" if ranking.ties else "predicts re-training best"
        lead = f"{best.label} {first}: LDS {best.text()}"
    found = [Finding(f"{lead}{brackets(about, ', ')}.", key=True)]
    found += _ceiling(tables, best, query)
    found += _size(tables, best, query)
    found += _over_queries(tables, best)
    found += company(ranking)
    if best.value < WEAK:
        weak = "This is weak" if alone else "Even the best is weak"
        found.append(Finding(f"{weak}: the order of the groups is mostly missed.", key=True))
    exact = ranking.of("hydra_exact")
    if exact and exact in ranking.behind:
        text = f"Exact HyDRA, the derivative of training itself, reaches only {exact.text()}: training may not respond "
        found.append(Finding(text + "smoothly to a change of this size here.", key=True))
    return found + _control(ranking)


@sentence("contrast", chapter="Does the score find wrong labels?", paragraph=3, order=61)
def contrast(tables: VariantTables) -> list[Finding]:
    """Whether predicting re-training and finding wrong labels are the same skill here."""
    leaders = []
    for (ranking, _), chance in ((_lds(tables), NO_LDS), (auroc(tables), NO_AUROC)):
        if ranking is None or len(ranking.entries) < 2 or not ranking.best.beats(chance):
            return []
        leaders.append({ranking.best.key, *(e.key for e in ranking.ties)})
    if leaders[0] & leaders[1]:
        return []
    text = "Predicting re-training and finding wrong labels are different skills here: no method is best at both."
    return [Finding(text, key=True)]


def _lds(tables: VariantTables) -> tuple[MethodRanking | None, str | None]:
    data = main_design(tables.rows("counterfactual", "lds"))
    query = tables.queries.main(data["query"])
    return rank(data[data["query"] == query], tables), query


def _ceiling(tables: VariantTables, best: RankedMethod, query: str | None) -> list[Finding]:
    rows = over_seeds(main_design(tables.rows("counterfactual", "ceiling")))
    rows = rows[rows["query"] == query].dropna(subset=["value"])
    if rows.empty:
        return []
    limit = float(rows["value"].iloc[0])
    if limit <= 0:
        text = "Re-trainings that differ by a hair do not agree on the order of the groups: no score can predict it."
        return [Finding(text, key=True)]
    share = percent(min(1.0, max(0.0, best.value) / limit))
    text = f"The truth itself repeats up to a ceiling of {number(limit)}; this is {share} of what can be reached."
    return [Finding(text, key=True)]


def _size(tables: VariantTables, best: RankedMethod, query: str | None) -> list[Finding]:
    rows = over_seeds(main_design(tables.rows("counterfactual", "slope")))
    rows = rows[(rows["method"] == best.key) & (rows["query"] == query)].dropna(subset=["value"])
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


def _over_queries(tables: VariantTables, best: RankedMethod) -> list[Finding]:
    data = main_design(tables.rows("counterfactual", "lds"))
    rows = over_seeds(data[data["method"] == best.method]).dropna(subset=["value"])
    single, mean = rows[rows["query"] != ALL_QUERIES], rows[rows["query"] == ALL_QUERIES]
    if len(single) < 2 or mean.empty:
        return []
    low, high = float(single["value"].min()), float(single["value"].max())
    middle = number(float(mean["value"].iloc[0]))
    text = f"Over {all_of(len(single), 'queries')} its mean LDS is {middle} (from {number(low)} to {number(high)})."
    return [Finding(text)]


def _control(ranking: MethodRanking) -> list[Finding]:
    random = ranking.of("random")
    if random is None or not random.bounded:
        return []
    if random.low <= 0 <= random.high:
        return [Finding(f"Random scores give {random.text()}, no different from zero, as they should.")]
    text = f"Random scores give {random.text()}, away from zero by chance: read small differences with care."
    return [Finding(text, key=True)]
