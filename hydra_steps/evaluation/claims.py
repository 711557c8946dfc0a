"""The paper's claims checked against a study's tables, each with a measured value, its interval and a verdict by rule.

The comparisons are those of :mod:`hydra_steps.evaluation.claim_comparisons`.

    p_holm            two-sided, corrected for the comparisons of the same method in the claim
    holds             p_holm is below .05, and the value is on the claim's side
    does not hold     p_holm is below .05, and the value is on the other side
    undecided         p_holm is larger, or there is no interval

What the paper does not compare (the final loss, as many removed at random) is corrected by itself. A claim's last row
sums up its comparisons for the paper's own method. A claim whose table the study does not have is not in the result.
Torch-free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from hydra_steps.evaluation.claim_comparisons import comparisons_of, is_asked
from hydra_steps.evaluation.claim_statements import CLAIMS, PAPER
from hydra_steps.evaluation.verdicts import Comparison, decided, summed_up
from hydra_steps.registry.decorators import table
from hydra_steps.tables.tidy import read_table
from hydra_steps.tables.writing import write_csv

COLUMNS = (
    *("claim", "statement", "variant", "method", "against", "measured", "n"),
    *("value", "ci_low", "ci_high", "p_holm", "verdict", "conditions", "source"),
)
Row = dict[str, object]


@table(
    "claims",
    title="Claims",
    when="claims",
    settings={"methods": "method_of", "conditions": "conditions"},
    order=190,
)
def evaluate_claims(
    *,
    methods: Mapping[str, str],
    conditions: Mapping[str, str],
    output: str | Path,
    agreement_table: str | Path | None = None,
    counterfactual_table: str | Path | None = None,
    detection_table: str | Path | None = None,
    removal_table: str | Path | None = None,
    stability_table: str | Path | None = None,
) -> pd.DataFrame:
    """Write ``claims.csv`` from the study's tables that are there, and return it.

    ``methods``: label → name of its method, in the order of the study; ``conditions``: variant → its setting in words.
    """
    given = {
        "agreement": agreement_table,
        "counterfactual": counterfactual_table,
        "detection": detection_table,
        "removal": removal_table,
        "stability": stability_table,
    }
    there = {name: Path(path) for name, path in given.items() if path is not None}
    rows: list[Row] = []
    for number in dict.fromkeys(claim.number for claim in CLAIMS if claim.table in there):
        claims = [claim for claim in CLAIMS if claim.number == number and claim.table in there]
        measured = [
            (claim, one)
            for claim in claims
            for one in comparisons_of(claim, read_table(there[claim.table]), methods)
        ]
        kinds = [(one.method, is_asked(claim, one, methods)) for claim, one in measured]
        found = decided([one for _, one in measured], kinds)
        for (claim, _), one in zip(measured, found, strict=True):
            source = f"tables/{there[claim.table].name}, {claim.metric}"
            about = {"conditions": conditions.get(one.variant, ""), "source": source}
            rows.append(claim_row(number, claim.statement, claim.measured, one) | about)
        for label in (label for label, method in methods.items() if method == PAPER):
            of_paper = [one for kind, one in zip(kinds, found, strict=True) if kind == (label, True)]
            if of_paper:
                rows.append(summary_row(number, claims[0].statement, label, of_paper))
    return write_claims(rows, output)


def claim_row(number: str, statement: str, measured: str, one: Comparison) -> Row:
    """The row of one comparison."""
    row: Row = {"claim": number, "statement": statement, "measured": measured, "variant": one.variant}
    row |= {"method": one.method, "against": one.against, "n": one.n, "value": one.value}
    return row | {"ci_low": one.low, "ci_high": one.high, "p_holm": one.p, "verdict": one.verdict}


def summary_row(number: str, statement: str, method: str, comparisons: Sequence[Comparison]) -> Row:
    """The row that sums up a claim's comparisons."""
    row: Row = {"claim": number, "statement": statement, "variant": "all", "method": method, "against": "all"}
    row |= {"measured": "all of the above", "n": len(comparisons), "verdict": summed_up(comparisons)}
    return row | {"conditions": "", "source": "the rows of this claim"}


def write_claims(rows: Sequence[Row], output: str | Path) -> pd.DataFrame:
    """Write rows of claims as CSV, whole or not at all."""
    result = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("claim", kind="stable")
    write_csv(result, output)
    return result
