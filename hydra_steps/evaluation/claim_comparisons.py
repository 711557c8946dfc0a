"""The comparisons that a claim asks for, measured in one table: value, interval over the seeds, and p.

A comparison is a difference ``value`` = method − other (or a size, where a claim names one), per variant, the mean
over seeds of what each seed gives (mean over queries), paired by seed, with a 95 % interval over the seeds: Student's,
or the jackknife's where the seeds' values share pairs (:mod:`hydra_steps.tables.seed_intervals`). With fewer than three
seeds, whose spread says little, the interval is what the two rows' own intervals leave, subtracted end from end, the
widest over the seeds; or none. Torch-free.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from hydra_steps.evaluation.claim_statements import EXACT, MEAN, PAPER, Claim
from hydra_steps.evaluation.verdicts import Comparison
from hydra_steps.tables.seed_intervals import FEWEST_SEEDS, NOWHERE, mean_interval, p_value, pairs_interval

# Fewer samples are fewer steps: as many removed at random tell how much of a change that explains.
RANDOM, AT_RANDOM = "random_order", "as many removed at random"


def comparisons_of(claim: Claim, table: pd.DataFrame, methods: Mapping[str, str]) -> Iterator[Comparison]:
    """Yield the comparisons of a claim in its ``table``; ``methods``: label → method. None has a verdict yet."""
    rows = table[(table["metric"] == claim.metric) & (table["seed"] != "all")]
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
                    yield _difference(claim, str(variant), method, other, by_method[method], by_method[other])
            elif claim.kind == "nothing":
                own = by_method[method]
                none = own[own["fraction"] == 0]
                for fraction in sorted(set(own["fraction"]) - {0.0}) if len(none) else []:
                    against = f"nothing removed ({fraction:.0%} removed)"
                    removed = own[own["fraction"] == fraction]
                    yield _difference(claim, str(variant), method, against, removed, none)
                    if chance is not None:
                        as_many = chance[chance["fraction"] == fraction]
                        yield _difference(
                            claim, str(variant), method, f"{AT_RANDOM} ({fraction:.0%})", removed, as_many
                        )
            elif methods[method] == PAPER:
                yield _size(claim, str(variant), method, exact, by_method[method])


def _difference(
    claim: Claim, variant: str, method: str, against: str, own: pd.DataFrame, other: pd.DataFrame
) -> Comparison:
    """Compare two methods on the runs that both have, paired by seed."""
    mine, theirs = (_of_seeds(part) for part in (own, other))
    both = mine.merge(theirs, on="seed", suffixes=("", "_other")).dropna(subset=["value", "value_other"])
    apart = (both["value"] - both["value_other"]).to_numpy()
    ends = both["ci_low"] - both["ci_high_other"], both["ci_high"] - both["ci_low_other"]
    others = (both["n"], both["n_other"])
    return _compared(claim, variant, method, against, apart, ends, others, 0.0)


def _size(claim: Claim, variant: str, method: str, exact: str, own: pd.DataFrame) -> Comparison:
    """Compare a size with its limit."""
    of_seed = _of_seeds(own).dropna(subset=["value"])
    values = of_seed["value"].to_numpy()
    ends = of_seed["ci_low"], of_seed["ci_high"]
    found = _compared(claim, variant, method, exact, values, ends, (of_seed["n"],), claim.limit)
    return replace(found, side=-found.side)  # small is what the claim says


def _of_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over the queries of each seed."""
    return rows.groupby("seed")[["n", "value", "ci_low", "ci_high"]].mean()


def _compared(
    claim: Claim,
    variant: str,
    method: str,
    against: str,
    values: np.ndarray,
    ends: tuple[pd.Series, pd.Series],
    others: Sequence[pd.Series],
    limit: float,
) -> Comparison:
    """The comparison of the seeds' ``values`` [n] with ``limit``; ``ends``: what the rows' own intervals leave."""
    count = len(values)
    spread = count if count >= FEWEST_SEEDS else None
    if spread is None:
        low, high = float(ends[0].min(skipna=False)), float(ends[1].max(skipna=False))
    elif not claim.pairs:
        low, high = mean_interval(values)
    else:  # each value is the mean of its seed's pairs with all the others, or there is no telling what it shares
        whole = all((part == count - 1).all() for part in others)
        low, high = pairs_interval(values) if whole else NOWHERE
    value = float(values.mean()) if count else math.nan
    p = p_value(value, low, high, limit, spread)
    return Comparison(variant, method, against, count, value, low, high, p=p, side=value - limit)


def is_asked(claim: Claim, one: Comparison, methods: Mapping[str, str]) -> bool:
    """Whether the paper makes this comparison; the others stand beside it."""
    return methods.get(one.against) not in claim.others and AT_RANDOM not in one.against


def _labels(methods: Mapping[str, str], *names: str) -> list[str]:
    """Return the labels of methods, the first method's before the second's."""
    return [label for name in names for label, method in methods.items() if method == name]
