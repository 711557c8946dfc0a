"""The main table: one line per method, the headline numbers side by side, those that lead in bold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from hydra_steps.config.targets import CLASS, worded
from hydra_steps.report.ranking import RankedMethod, rank
from hydra_steps.report.variant_tables import VariantTables
from hydra_steps.report.words import number, percent
from hydra_steps.report.wrong_labels import nearest_fraction
from hydra_steps.tables.frames import main_design, over_seeds


@dataclass(frozen=True)
class Cell:
    """One cell: what is shown, the number it sorts by, whether it leads its column."""

    text: str
    sort: float | None = None
    lead: bool = False


@dataclass(frozen=True)
class Column:
    """A column: its heading, what the heading means, and a cell per method."""

    heading: str
    meaning: str
    cells: dict[str, Cell]


def headline_columns(tables: VariantTables, asks: str = CLASS) -> list[Column]:
    """Return the columns that the variant's tables can fill."""
    main, detection = tables.queries.main, tables.queries.detection
    real = "Spearman ρ of predicted and real change; 1 is best"
    wrong = "wrong before right labels; 0.5 is chance"
    columns = [
        _ranked(tables, "counterfactual", "lds", main, "LDS", real),
        _plain(
            tables, "counterfactual", "slope", main, "Slope", "real change per predicted change; 1 is best"
        ),
        _plain(tables, "agreement", "spearman", main, "ρ with exact", "Spearman ρ with exact HyDRA"),
        _ranked(tables, "detection", "auroc", detection, "AUROC", wrong),
        _ranked(
            tables, "detection", "average_precision", detection, "AP", "average precision of wrong labels"
        ),
        _found(tables),
        _plain(
            tables,
            "timing",
            "ratio_to_training",
            None,
            "Cost",
            "seconds of scoring per second of one training",
        ),
    ]
    told = [column for column in columns if column is not None and column.cells]
    return [replace(column, meaning=worded(column.meaning, asks)) for column in told]


def headline_methods(columns: Sequence[Column], order: Sequence[str]) -> list[str]:
    """Return the methods that have a cell, in ``order``."""
    present = {method for column in columns for method in column.cells}
    return [method for method in order if method in present]


_Choose = Callable[[pd.Series], str | None]


def _rows(tables: VariantTables, table: str, metric: str, choose: _Choose | None) -> pd.DataFrame:
    rows = main_design(tables.rows(table, metric))
    return rows[rows["query"] == choose(rows["query"])] if choose is not None else rows


def _ranked(
    tables: VariantTables, table: str, metric: str, choose: _Choose, heading: str, meaning: str
) -> Column | None:
    ranking = rank(_rows(tables, table, metric, choose), tables)
    if ranking is None:
        return None
    leaders: set[RankedMethod] = {ranking.best, *ranking.ties} if len(ranking.entries) > 1 else set()
    cells = {e.key: Cell(e.text(), e.value, e in leaders) for e in ranking.entries}
    return Column(heading, meaning, cells)


def _plain(
    tables: VariantTables, table: str, metric: str, choose: _Choose | None, heading: str, meaning: str
) -> Column | None:
    rows = over_seeds(_rows(tables, table, metric, choose)).dropna(subset=["value"])
    cells = {
        row["method"]: Cell(_short(row["value"]), float(row["value"])) for row in rows.to_dict("records")
    }
    return Column(heading, meaning, cells)


def _found(tables: VariantTables) -> Column | None:
    rows = over_seeds(_rows(tables, "detection", "found_in_inspected", tables.queries.detection)).dropna(
        subset=["value"]
    )
    if rows.empty:
        return None
    share = nearest_fraction(tables, rows["fraction"])
    rows = rows[rows["fraction"] == share]
    cells = {
        row["method"]: Cell(percent(row["value"]), float(row["value"])) for row in rows.to_dict("records")
    }
    meaning = f"wrong labels found among the {percent(share)} of the samples inspected first"
    return Column(f"found in {percent(share)}", meaning, cells)


def _short(value: float) -> str:
    return number(value) if abs(value) < 100 else f"{value:.3g}"
