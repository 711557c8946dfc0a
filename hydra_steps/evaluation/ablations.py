"""Ablations: what each method's quality is in every variant of a study, and how it differs from the reference's.

    lds         linear datamodelling score over the random groups (design ``groups``), mean over the queries
    spearman    rank correlation with exact HyDRA's contributions to the mean test loss
    auroc       area under the ROC curve of wrong labels, by the contributions to the mean validation loss

One row per variant, method and metric, the reference first. ``value``: mean over the ``n`` seeds, [``ci_low``,
``ci_high``] Student's 95 % interval of that mean. ``difference``: the variant − ``reference``, positive where the
method is better in the variant, mean over the ``pairs`` seeds that both have, with Student's interval of the paired
differences; empty for the reference itself. As in every table, a mean is empty where one seed's value is, and an
interval is empty for one seed. A table that the study does not have has no rows here. Torch-free.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hydra_steps.registry.decorators import table
from hydra_steps.tables.queries import ALL_QUERIES
from hydra_steps.tables.seed_intervals import mean_interval
from hydra_steps.tables.tidy import read_table
from hydra_steps.tables.writing import write_csv

COLUMNS = (
    *("variant", "run", "seed", "method", "query", "metric", "n", "value", "ci_low", "ci_high"),
    *("reference", "pairs", "difference", "difference_low", "difference_high"),
)


@dataclass(frozen=True)
class Measure:
    """``metric`` of one ``query`` in ``table``, of one ``design`` where the table has several."""

    metric: str
    table: str
    query: str
    design: str = ""


MEASURES = (
    Measure("lds", "counterfactual", ALL_QUERIES, design="groups"),
    Measure("spearman", "agreement", "test_mean"),
    Measure("auroc", "detection", "validation_mean"),
)


@table("ablations", title="Ablations", when="ablations.reference is not None", order=160)
def evaluate_ablations(
    *,
    output: str | Path,
    counterfactual_table: str | Path | None = None,
    agreement_table: str | Path | None = None,
    detection_table: str | Path | None = None,
    reference: str | None = None,
) -> pd.DataFrame:
    """What the scores depend on: each variant's results compared with those of one of them, paired by seed, in
    `ablations.csv` and a figure. Off while `reference` is null.

    The tables are those that the study has. Returns the table.

    Options:
        reference: Name of the variant that the others differ from in one thing; the study needs at least two variants.
    """
    given = {
        "counterfactual": counterfactual_table,
        "agreement": agreement_table,
        "detection": detection_table,
    }
    there = {name: path for name, path in given.items() if path is not None}
    rows = [
        {"seed": "all", "metric": measure.metric, "reference": reference} | row
        for measure in MEASURES
        if measure.table in there
        for row in _rows(_values(read_table(there[measure.table]), measure), reference)
    ]
    # Stable: within a variant, the metrics stay in the order above, and the methods in that of their names.
    rows.sort(key=lambda row: (row["variant"] != reference, str(row["variant"])))
    result = pd.DataFrame(rows, columns=list(COLUMNS))
    write_csv(result, output)
    return result


def _values(table: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """The rows of single runs that a measure is read from."""
    rows = table[(table["metric"] == measure.metric) & (table["seed"] != "all")]
    if measure.design:
        rows = rows[rows["design"] == measure.design]
    queries = set(rows["query"])
    # A study with one query has no mean over queries: that query then speaks for it.
    query = queries.pop() if len(queries) == 1 else measure.query
    return rows[rows["query"] == query]


def _rows(rows: pd.DataFrame, reference: str | None) -> Iterator[dict[str, object]]:
    by_run = {
        key: part.set_index("seed")["value"] for key, part in rows.groupby(["variant", "method"], sort=True)
    }
    for (variant, method), values in by_run.items():
        low, high = mean_interval(values.to_numpy())
        row: dict[str, object] = {"variant": variant, "run": variant, "method": method}
        row |= {"query": rows["query"].iloc[0], "n": len(values), "value": values.mean(skipna=False)}
        row |= {"ci_low": low, "ci_high": high}
        if variant != reference and (reference, method) in by_run:
            row |= _difference(values, by_run[reference, method])
        yield row


def _difference(values: pd.Series, others: pd.Series) -> dict[str, object]:
    """The paired difference of two variants' values by seed."""
    both = values.index.intersection(others.index)
    apart = (values[both] - others[both]).to_numpy()
    low, high = mean_interval(apart)
    mean = float(apart.mean()) if len(apart) else math.nan
    return {"pairs": len(apart), "difference": mean, "difference_low": low, "difference_high": high}
