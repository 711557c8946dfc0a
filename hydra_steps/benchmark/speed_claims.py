"""The paper's claims about speed and scale, checked against the timing study's tables.

Their own table, ``speed_claims.csv`` with the columns of ``claims.csv``: a clock's readings are never the same bytes
twice, and ``claims.csv`` is. ``ci_low`` and ``ci_high`` are quartiles over readings for measured ratios, and the
fit's 95 % interval for what is extrapolated or fitted: neither has a p, and none is corrected. Torch-free.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from hydra_steps.csv_files import read_csv
from hydra_steps.evaluation.claim_statements import EXACT, PAPER
from hydra_steps.evaluation.claims import Row, claim_row, summary_row, write_claims
from hydra_steps.evaluation.verdicts import Comparison, verdict_of
from hydra_steps.registry.decorators import table

TIMES = 971  # the largest factor that the paper names
LINEAR = 1.1  # an exponent up to here is called linear
FASTER = f"Without the Hessian, HyDRA is up to {TIMES} times faster than with it"
SCALES = "HyDRA scales: its time grows no faster than the data and the model"


@table(
    "speed_claims",
    title="Claims about speed",
    settings={"conditions": "conditions"},
    target="benchmark",
    clock=True,
    order=230,
)
def evaluate_speed_claims(
    *, speed_table: str | Path, scaling_table: str | Path, conditions: Mapping[str, str], output: str | Path
) -> pd.DataFrame:
    """Write ``speed_claims.csv``, and return it; ``conditions``: variant → its setting in words."""
    claims = (
        ("5", FASTER, "speed", list(_faster(read_csv(speed_table)))),
        ("6", SCALES, "scaling", list(_scales(read_csv(scaling_table)))),
    )
    rows: list[Row] = []
    for number, statement, source, comparisons in claims:
        for found, measured in comparisons:
            about = {"conditions": conditions.get(found.variant, ""), "source": f"tables/{source}.csv"}
            rows.append(claim_row(number, statement, measured, found) | about)
        if comparisons:
            rows.append(summary_row(number, statement, PAPER, [found for found, _ in comparisons]))
    return write_claims(rows, output)


def _faster(table: pd.DataFrame) -> Iterator[tuple[Comparison, str]]:
    """How many times longer the Hessian-aware ways take than the Hessian-free one, for one query and all samples."""
    for variant, own in table.groupby("variant", sort=True):
        predicted = own[own["metric"] == f"times_{PAPER}"]
        for row in predicted[predicted["method"] == "hydra_forward"].to_dict("records"):
            low, high = float(row["low"]), float(row["high"])
            measured = f"times faster, {int(row['tracked']):,} samples, extrapolated (claimed: {TIMES})"
            yield _held(str(variant), "hydra_forward", row, low - TIMES, high - TIMES), measured
        ratios = own[(own["metric"] == "ratio_to_plain") & (own["axis"] == "main") & (own["queries"] == 1)]
        ratios = ratios.set_index("method")
        if {EXACT, PAPER} <= set(ratios.index):
            with_it, without = ratios.loc[EXACT], ratios.loc[PAPER]
            row = {"n": with_it["n"], "value": with_it["value"] / without["value"]}
            row |= {"low": with_it["low"] / without["high"], "high": with_it["high"] / without["low"]}
            measured = f"times faster than exact in reverse, one query (claimed: {TIMES})"
            yield _held(str(variant), EXACT, row, row["low"] - TIMES, row["high"] - TIMES), measured


def _scales(table: pd.DataFrame) -> Iterator[tuple[Comparison, str]]:
    """The exponents of the Hessian-free score's time."""
    for row in table[table["method"] == PAPER].to_dict("records"):
        if row["axis"] in ("samples", "parameters", "steps") and not math.isnan(row["low"]):
            measured = f"exponent k of time ∝ {row['axis']}ᵏ (linear: at most {LINEAR})"
            about = {"n": row["points"], "value": row["exponent"], "low": row["low"], "high": row["high"]}
            found = _held(str(row["variant"]), row["axis"], about, LINEAR - row["high"], LINEAR - row["low"])
            yield found, measured


def _held(variant: str, against: str, row: Mapping[Any, Any], low: float, high: float) -> Comparison:
    """``low`` and ``high``: the interval's ends past the claim's limit, on its side."""
    n, value, ends = int(row["n"]), float(row["value"]), (float(row["low"]), float(row["high"]))
    return Comparison(variant, PAPER, against, n, value, *ends, verdict_of(low, high))
