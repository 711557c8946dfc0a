"""How many labels are wrong, by which method, and what is worth looking at: from ``audit_numbers.csv``."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hydra_steps.audit.judge import SURE_FROM
from hydra_steps.registry.decorators import sentence
from hydra_steps.report.variant_tables import Finding, VariantTables
from hydra_steps.report.words import interval, number

BLENDS = {"mean_of_ranks": "the mean of all methods' ranks", "stacking": "a stacking of all methods"}


@dataclass(frozen=True)
class Measure:
    """A value with its interval (NaN: none)."""

    value: float
    low: float
    high: float


@sentence("audit", chapter="Which labels are wrong?", paragraph=3, order=61)
def audit(tables: VariantTables) -> list[Finding]:
    """The estimated number of wrong labels, how many to look at, and which method says so."""
    rows = tables.by_name.get("audit_numbers")
    if rows is None or rows.empty:
        return []
    found = {
        str(row["metric"]): Measure(float(row["value"]), float(row["ci_low"]), float(row["ci_high"]))
        for _, row in rows.iterrows()
    }
    chosen, samples = str(rows["method"].iloc[0]), int(rows["n"].iloc[0])
    name = BLENDS.get(chosen, tables.labels.get(chosen, chosen))
    return [
        Finding(amount_sentence(found, samples), key=True),
        Finding(method_sentence(found, name), key=True),
        Finding(chances_sentence(found)),
    ]


def amount_sentence(found: dict[str, Measure], samples: int) -> str:
    """Return how many labels are wrong in all, and how many to look at."""
    wrong, look = found["wrong_labels"], found["to_look_at"].value
    about = f"About {wrong.value:,.0f} of the {samples:,} training labels"
    span = f"95 % interval {wrong.low:,.0f} to {wrong.high:,.0f}"
    if found["average_precision"].value < SURE_FROM:
        about = f"At most about {wrong.value:,.0f} of the {samples:,} training labels"
    return (
        f"{about} are wrong ({span}); looking at the first {look:,.0f} suspects finds 80 % of the wrong ones."
    )


def method_sentence(found: dict[str, Measure], name: str) -> str:
    """Return which method was chosen, its margin, and whether it is better than the plain loss."""
    precision, lead, plain = found["average_precision"], found.get("lead"), found.get("over_plain")
    how = "best" if lead is None or lead.value >= 0 else "as well as any"
    text = f"{name[0].upper()}{name[1:]} finds planted wrong labels {how}, average precision {number(precision.value)}"
    if lead is not None and lead.value < 0:
        text += f" (the best is {number(-lead.value)} ahead, within one standard error, and less simple)"
    elif lead is not None:
        text += f", {number(lead.value)} ahead of the next"
        text += "" if lead.low > 0 else " (which may be as good)"
    if plain is None:
        return f"{text}."
    if math.isfinite(plain.low) and plain.low > 0:
        return f"{text}, and {number(plain.value)} better than the plain loss."
    return f"{text}; it is not shown to be better than the plain loss."


def chances_sentence(found: dict[str, Measure]) -> str:
    """Return how far the chances that are told can be believed."""
    error = found["calibration_error"].value
    return f"On planted labels the chances that are told are off by {number(error)} on average."


@sentence("audit_proof", chapter="Which labels are wrong?", paragraph=4, order=62)
def audit_proof(tables: VariantTables) -> list[Finding]:
    """Whether training again on the corrected data is better than on the data as they came, and than blind removal."""
    rows = tables.by_name.get("audit_proof")
    if rows is None or rows.empty:
        return []
    real = rows[rows["method"] == ""]

    def change(form: str) -> Measure:
        row = real[(real["form"] == form) & (real["metric"] == "change_test_accuracy")]
        return Measure(*(100 * float(row[name].iloc[0]) for name in ("value", "ci_low", "ci_high")))

    corrected = change("corrected")
    sure = corrected.low > 0 or corrected.high < 0
    verdict = "" if sure else ", which may be chance"
    seeds = int(real["n"].max())
    cleaned = int(real.loc[real["metric"] == "test_labels_cleaned", "value"].iloc[0])
    text = (
        f"Trained again on the data as decided, from {seeds} fresh seeds, the model is {_points(corrected)}"
    )
    text += " on the test set"
    text += (
        f" ({cleaned:,} of its labels were decided to be wrong, too, and put right or left out)"
        if cleaned
        else ""
    )
    others = {
        "as many samples removed at random": change("random_removed"),
        "as many of the first suspects removed unseen": change("top_removed"),
    }
    beside = "; ".join(f"with {words}: {_points(one)}" for words, one in others.items())
    return [Finding(f"{text}{verdict} ({beside}).", key=True)]


def _points(change: Measure) -> str:
    """A change in points of accuracy in words, with its interval."""
    size = f"{number(abs(change.value))} points {'better' if change.value >= 0 else 'worse'}"
    return f"{size}{interval(change.low, change.high)}"
