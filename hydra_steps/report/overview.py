"""The summary of a study with several variants: one line for each, what was trained and which method leads in what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hydra_steps.config.targets import Metric
from hydra_steps.report.headline import Column
from hydra_steps.report.variant_tables import VariantTables
from hydra_steps.report.words import percent, shown
from hydra_steps.tables.frames import over_seeds


@dataclass(frozen=True)
class Overview:
    """A table: headings with their meanings, and per variant one text a column (empty: not measured)."""

    columns: list[tuple[str, str]]
    rows: list[tuple[str, list[str]]]


def overview(tables: Mapping[str, VariantTables], headlines: Mapping[str, Sequence[Column]]) -> Overview:
    """Return the overview of the variants' tables, with the main tables' columns that say who leads."""
    ranked: dict[str, str] = {}
    for main in headlines.values():
        ranked |= {c.heading: c.meaning for c in main if any(cell.lead for cell in c.cells.values())}
    rows = []
    for variant, own in tables.items():
        cells = [_share(own, "noise", "rate"), _metric(own)]
        cells += [_leaders(own, headlines[variant], heading) for heading in ranked]
        rows.append((variant, cells))
    metric = next(iter(tables.values())).metric("training")
    columns = [
        ("Wrong labels", "share of the training labels"),
        (metric.title, _meaning(metric)),
    ]
    columns += [(f"Best {heading}", meaning) for heading, meaning in ranked.items()]
    kept = [place for place in range(len(columns)) if any(cells[place] for _, cells in rows)]
    return Overview(
        [columns[place] for place in kept],
        [(variant, [cells[place] for place in kept]) for variant, cells in rows],
    )


def _metric(tables: VariantTables) -> str:
    """The metric of the test set at the end of training, the mean over seeds."""
    metric = tables.metric("training")
    rows = over_seeds(tables.rows("training", f"test_{metric.name}")).dropna(subset=["value"])
    if rows.empty:
        return ""
    value = float(rows[rows["epoch"] == rows["epoch"].max()]["value"].iloc[0])
    return shown(metric, value)


def _meaning(metric: Metric) -> str:
    if metric.name == "accuracy":
        return "share of the test set that is classified correctly at the end of training"
    return f"{metric.words} of the test set at the end of training"


def _share(tables: VariantTables, table: str, metric: str) -> str:
    """The mean over seeds at the end of training."""
    rows = over_seeds(tables.rows(table, metric)).dropna(subset=["value"])
    if rows.empty:
        return ""
    last = rows[rows["epoch"] == rows["epoch"].max()] if "epoch" in rows.columns else rows
    return percent(float(last["value"].iloc[0]))


def _leaders(tables: VariantTables, columns: Sequence[Column], heading: str) -> str:
    """The leader's value with its interval, its name, and how many cannot be told apart from it."""
    column = next((c for c in columns if c.heading == heading), None)
    lead = [m for m, cell in column.cells.items() if cell.lead] if column is not None else []
    if column is None or not lead:
        return ""
    first, others = lead[0], [tables.labels.get(m, m) for m in lead[1:]]
    text = f"{tables.labels.get(first, first)} {column.cells[first].text}"
    if len(others) > 2:
        return f"{text}; {len(others)} more cannot be told apart"
    return f"{text}; {' and '.join(others)} cannot be told apart" if others else text
