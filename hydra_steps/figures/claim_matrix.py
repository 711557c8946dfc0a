"""The claims of a study with several variants: a table of verdicts, one column per variant, one row per comparison.

Each cell has a mark (✓ holds, ✕ does not hold, ? undecided), its colour, the value, and half its interval's width.
"""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hydra_steps.figures.methods import MethodStyle
from hydra_steps.figures.style import FAINT, INK, Style

LINE, HEAD, TOP = 0.165, 0.34, 0.32  # inches: a comparison, a claim's words, the variants' names
LABELS = 2.75  # inches of the comparisons' names
MARKS = {"holds": ("✓", "#CFE2F3"), "does not hold": ("✕", "#F9DCC4"), "undecided": ("?", "#EDEDED")}


def claim_matrix(data: pd.DataFrame, looks: Mapping[str, MethodStyle], look: Style) -> Figure:
    """Return the figure of ``claims.csv`` without its summary rows."""
    names = sorted(set(data["variant"]), key=lambda name: (name != "base", name))
    panels = [
        (f"{number}  {statement}", str(measured), _lines(part, looks))
        for (number, measured, statement), part in data.groupby(["claim", "measured", "statement"], sort=True)
    ]
    lines = sum(len(rows) for _, _, rows in panels)
    width, height = look.inches("double"), TOP + HEAD * len(panels) + LINE * lines + 0.12
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    step = (width - LABELS - 0.05) / len(names)
    for column, name in enumerate(names):
        middle = LABELS + step * (column + 0.5)
        axes.text(middle, TOP * 0.5, fill(name, 14), ha="center", va="center", fontweight="bold", color=INK)
    key = "   ".join(f"{mark} {verdict}" for verdict, (mark, _) in MARKS.items())
    axes.text(0.05, TOP * 0.5, key, va="center", fontsize="small", color=FAINT)
    y = TOP
    for statement, measured, rows in panels:
        axes.text(0.05, y + 0.12, statement, va="center", fontweight="bold", color=INK)
        axes.text(0.05, y + 0.245, measured, va="center", fontsize="small", color=FAINT)
        y += HEAD
        for label, by_variant in rows:
            axes.text(
                LABELS - 0.08, y + LINE / 2, label, ha="right", va="center", fontsize="small", color=INK
            )
            for column, name in enumerate(names):
                if name in by_variant:
                    mark, colour = MARKS[str(by_variant[name]["verdict"])]
                    left = LABELS + step * column
                    axes.fill_between(
                        [left + 0.02, left + step - 0.02],
                        y + 0.01,
                        y + LINE - 0.01,
                        color=colour,
                        linewidth=0,
                    )
                    text = f"{mark} {_value(by_variant[name])}"
                    axes.text(
                        left + step / 2,
                        y + LINE / 2,
                        text,
                        ha="center",
                        va="center",
                        fontsize="small",
                        color=INK,
                    )
            y += LINE
    return figure


def _lines(data: pd.DataFrame, looks: Mapping[str, MethodStyle]) -> list[tuple[str, dict[str, pd.Series]]]:
    """Return (comparison in words, variant → its row), in the table's order."""
    found: dict[str, dict[str, pd.Series]] = {}
    for _, row in data.iterrows():
        method, against = (
            looks[row[key]].label if row[key] in looks else str(row[key]) for key in ("method", "against")
        )
        found.setdefault(f"{method} – {against}", {})[str(row["variant"])] = row
    return sorted(found.items(), key=lambda item: _order(item[0], found))


def _order(label: str, found: Mapping[str, object]) -> tuple[str, int]:
    return label.split(" – ")[0], list(found).index(label)


def _value(row: pd.Series) -> str:
    """``+0.12 ± 0.03``, with as many digits as a column holds."""
    value, half = float(row["value"]), (float(row["ci_high"]) - float(row["ci_low"])) / 2
    digits = 2 if abs(value) < 10 else 1
    sign = "" if row["measured"].find("(small:") > 0 else "+"  # a size, or a difference
    text = f"{value:{sign}.{digits}f}".replace("-", "−")
    return f"{text} ± {half:.{digits}f}" if np.isfinite(half) else text
