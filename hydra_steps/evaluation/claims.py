"""The paper's claims held against a study's tables, each with a measured value, its interval and a verdict by rule.

A comparison is a difference ``value`` = method − other (or a size, where a claim names one), per variant, the mean
over seeds of what each seed gives (mean over queries), with Student's 95 % interval over the seeds, paired by seed.
With fewer than three seeds, whose spread says little (two that happen to agree have none), the interval is what the two
rows' own intervals leave, subtracted end from end, the widest over the seeds; or none.

    holds             the whole interval is on the claim's side
    does not hold     the whole interval is on the other side
    undecided         it is on both, or there is none

A claim's last row sums up its comparisons for the paper's own method: holds, does not hold, or under which
conditions. A claim whose table the study does not have is not in the result. Torch-free.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hydra_steps.evaluation.claim_statements import CLAIMS, EXACT, MEAN, PAPER, Claim
from hydra_steps.evaluation.removal import FEWEST_SEEDS, mean_interval
from hydra_steps.registry.decorators import table
from hydra_steps.tables.tidy import read_table
from hydra_steps.tables.writing import write_csv

COLUMNS = (
    *("claim", "statement", "variant", "method", "against", "measured", "n"),
    *("value", "ci_low", "ci_high", "verdict", "conditions", "source"),
)
HOLDS, FAILS, OPEN = "holds", "does not hold", "undecided"
# Fewer samples are fewer steps: as many removed at random tell how much of a change that explains.
RANDOM, AT_RANDOM = "random_order", "as many removed at random"
Row = dict[str, object]


@dataclass(frozen=True)
class Comparison:
    """One measured row of the result."""

    variant: str
    method: str
    against: str
    n: int
    value: float
    low: float
    high: float
    verdict: str


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
    of_paper: dict[tuple[str, str], list[Comparison]] = {}
    for claim in (claim for claim in CLAIMS if claim.table in there):
        for found in _comparisons(claim, read_table(there[claim.table]), methods):
            about: Row = {"claim": claim.number, "statement": claim.statement, "measured": claim.measured}
            about |= {
                "variant": found.variant,
                "method": found.method,
                "against": found.against,
                "n": found.n,
            }
            about |= {"value": found.value, "ci_low": found.low, "ci_high": found.high}
            about |= {"verdict": found.verdict, "conditions": conditions.get(found.variant, "")}
            rows.append(about | {"source": f"tables/{there[claim.table].name}, {claim.metric}"})
            beside = methods.get(found.against) in claim.others or AT_RANDOM in found.against
            if methods[found.method] == PAPER and not beside:
                of_paper.setdefault((claim.number, found.method), []).append(found)
    for (number, label), comparisons in of_paper.items():
        statement = next(claim.statement for claim in CLAIMS if claim.number == number)
        summary: Row = {"claim": number, "statement": statement, "variant": "all", "method": label}
        summary |= {"against": "all", "measured": "all of the above", "n": len(comparisons)}
        summary |= {"verdict": summed_up(comparisons), "conditions": "", "source": "the rows of this claim"}
        rows.append(summary)
    return write_claims(rows, output)


def write_claims(rows: Sequence[Row], output: str | Path) -> pd.DataFrame:
    """Write rows of claims as CSV, whole or not at all."""
    result = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("claim", kind="stable")
    write_csv(result, output)
    return result


def summed_up(comparisons: Sequence[Comparison]) -> str:
    """Return one verdict for several comparisons: the same for all, or where the claim holds."""
    verdicts = {found.verdict for found in comparisons}
    if len(verdicts) == 1:
        return verdicts.pop()
    where = [found for found in comparisons if found.verdict == HOLDS]
    if not where:
        return FAILS if FAILS in verdicts else OPEN
    named = sorted({f"{found.variant} against {found.against}" for found in where})
    return f"{HOLDS} in {len(where)} of {len(comparisons)}: {', '.join(named)}"


def _labels(methods: Mapping[str, str], *names: str) -> list[str]:
    """Return the labels of methods, the first method's before the second's."""
    return [label for name in names for label, method in methods.items() if method == name]


def _comparisons(claim: Claim, measured: pd.DataFrame, methods: Mapping[str, str]) -> Iterator[Comparison]:
    rows = measured[(measured["metric"] == claim.metric) & (measured["seed"] != "all")]
    for column, value in claim.where:
        rows = rows[rows[column] == value]
    if claim.query:
        rows = rows[rows["query"] == claim.query]
    elif claim.table != "removal":
        rows = rows[rows["query"] != MEAN]
    rivals = [label for label, name in methods.items() if name.startswith("influence_")]
    rivals += _labels(methods, *claim.others)
    exact = next(iter(_labels(methods, EXACT)), EXACT)
    for variant, part in rows.groupby("variant", sort=True):
        by_method = {str(name): own for name, own in part.groupby("method", sort=False)}
        chance = by_method.get(RANDOM)
        for method in (label for label in _labels(methods, PAPER, EXACT) if label in by_method):
            if claim.kind == "rivals":
                for other in (label for label in rivals if label in by_method):
                    yield _difference(str(variant), method, other, by_method[method], by_method[other])
            elif claim.kind == "nothing":
                own = by_method[method]
                none = own[own["fraction"] == 0]
                for fraction in sorted(set(own["fraction"]) - {0.0}) if len(none) else []:
                    against = f"nothing removed ({fraction:.0%} removed)"
                    removed = own[own["fraction"] == fraction]
                    yield _difference(str(variant), method, against, removed, none)
                    if chance is not None:
                        as_many = chance[chance["fraction"] == fraction]
                        yield _difference(
                            str(variant), method, f"{AT_RANDOM} ({fraction:.0%})", removed, as_many
                        )
            elif methods[method] == PAPER:
                yield _size(str(variant), method, exact, claim.limit, by_method[method])


def _difference(
    variant: str, method: str, against: str, own: pd.DataFrame, other: pd.DataFrame
) -> Comparison:
    """Compare two methods on the runs that both have, paired by seed."""
    mine, theirs = (part.groupby("seed")[["value", "ci_low", "ci_high"]].mean() for part in (own, other))
    both = mine.merge(theirs, on="seed", suffixes=("", "_other")).dropna(subset=["value", "value_other"])
    apart = (both["value"] - both["value_other"]).to_numpy()
    if 0 < len(apart) < FEWEST_SEEDS:
        low = float((both["ci_low"] - both["ci_high_other"]).min(skipna=False))
        high = float((both["ci_high"] - both["ci_low_other"]).max(skipna=False))
    else:
        low, high = mean_interval(apart)
    value = float(apart.mean()) if len(apart) else math.nan
    return Comparison(variant, method, against, len(apart), value, low, high, verdict_of(low, high))


def _size(variant: str, method: str, exact: str, limit: float, own: pd.DataFrame) -> Comparison:
    """Compare a size with its limit."""
    of_seed = own.groupby("seed")[["value", "ci_low", "ci_high"]].mean().dropna(subset=["value"])
    values = of_seed["value"].to_numpy()
    if 0 < len(values) < FEWEST_SEEDS:
        low, high = (
            float(of_seed["ci_low"].min(skipna=False)),
            float(of_seed["ci_high"].max(skipna=False)),
        )
    else:
        low, high = mean_interval(values)
    value = float(values.mean()) if len(values) else math.nan
    verdict = verdict_of(limit - high, limit - low)
    return Comparison(variant, method, exact, len(values), value, low, high, verdict)


def verdict_of(low: float, high: float) -> str:
    if low > 0:
        return HOLDS
    return FAILS if high < 0 else OPEN
