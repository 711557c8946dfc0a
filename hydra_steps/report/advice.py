"""The verdict on smoothness in words, and what to change."""

from __future__ import annotations

import math

import pandas as pd

from hydra_steps.registry.decorators import sentence
from hydra_steps.report.variant_tables import Finding, VariantTables
from hydra_steps.report.words import listing, number, percent
from hydra_steps.tables.frames import over_seeds

GROWN = 1e4  # a cotangent that grows so much is mostly round-off in float32
REMEDIES = (
    "a lower learning rate, larger batches or a start from a trained state",
    "scores and designs with a `window` of the last epochs",
    "averaging (`hydra_averaged`, or `seeds`) where the model must stay",
)
COUNTED = "counting the kinks of its ReLUs while averaging (`kink_width: 1`)"


@sentence("advice", chapter="How far from exact HyDRA?", paragraph=2, order=52)
def advice(tables: VariantTables) -> list[Finding]:
    """One verdict, the numbers behind it, and what would help."""
    rows = over_seeds(tables.rows("advice", "verdict")).dropna(subset=["value"])
    if rows.empty:
        return []
    worst = math.ceil(float(rows["value"].max()))
    if worst == 0:
        return []  # the sentence on smoothness has said so
    if worst == 1:
        return [
            Finding(
                "The training map is smooth for small changes of the data and bends over larger ones: for removals "
                "of many samples take the derivative at their middle (`hydra_centred`, `hydra_averaged`)."
            )
        ]
    text = "Two trainings a hair apart end apart" if worst > 2 else "Kinks on the way move the rest of a path"
    measured = [words for words in (_agreement(tables), _ceiling(tables), _growth(tables)) if words]
    text += f" ({listing(measured)})" if measured else ""
    kinks = set(tables.rows("advice", "kink").get("given", pd.Series(dtype=str)))
    remedies = ["average pooling in place of max pooling"] if any("MaxPool" in kink for kink in kinks) else []
    if any("MaxPool" not in kink for kink in kinks):
        remedies.append("a smooth activation (tanh, softplus, GELU) in place of ReLU")
    after = [COUNTED] if "ReLU" in kinks else []
    return [Finding(f"{text}. What helps: {'; '.join([*remedies, *REMEDIES, *after])}.")]


def _value(tables: VariantTables, metric: str) -> float:
    values = over_seeds(tables.rows("advice", metric))["value"].dropna()
    return float(values.mean()) if len(values) else math.nan


def _agreement(tables: VariantTables) -> str:
    value = _value(tables, "sign_agreement")
    return f"agreement in sign of steps in a row {number(value)} of 1" if math.isfinite(value) else ""


def _ceiling(tables: VariantTables) -> str:
    value = _value(tables, "ceiling")
    return f"ceiling of any score {number(value)}" if math.isfinite(value) else ""


def _growth(tables: VariantTables) -> str:
    error, growth = _value(tables, "small_step_error"), _value(tables, "sweep_growth")
    words = f"{percent(error)} error at the smallest step" if math.isfinite(error) else ""
    return words + (f", the sweep grows {growth:,.0f}-fold" if growth > GROWN else "")
