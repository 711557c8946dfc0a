"""The paper's claims at a glance: every comparison with its interval, and the side on which the claim would hold.

Reads ``claims.csv``. One panel per claim and measure. Filled marker: holds; hollow: does not hold; grey: undecided.
With several variants a table of verdicts takes their place (:mod:`hydra_steps.figures.claim_matrix`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hydra_steps.csv_files import read_csv
from hydra_steps.errors import StudyError
from hydra_steps.figures.claim_matrix import claim_matrix
from hydra_steps.figures.dots import LINE_HEIGHT
from hydra_steps.figures.methods import MethodStyle
from hydra_steps.figures.style import FAINT, GRID, INK, Style, canvas, drawing, note, save
from hydra_steps.registry.decorators import figure

HOLDS, FAILS = "holds", "does not hold"
_LIMITS = {"relative error": 0.5, "share of contributions": 0.1}  # of the claims about sizes


@figure(
    "claims",
    title="The paper's claims",
    category="Claims",
    chapter="Do the paper's claims hold?",
    order=10,
)
def plot_claims(
    *,
    claims_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw every comparison of ``claims.csv``: panels one below the other, or a table with a column per variant.

    The paper's claims, compared with this study. Each {% if variants | length > 1 %}cell: one comparison in one
    variant, the mean over seeds and half the width of its 95 % interval{% else %}point: one comparison, the mean over
    seeds with its 95 % interval{% endif %} (paired by seed; with fewer than three seeds, from the tables' own
    intervals, end from end). A claim holds where the value is on its side ({% if variants | length > 1 %}✓,
    {% else %}filled, {% endif %}above zero for differences, below the limit named for sizes) and its p, corrected for
    the number of comparisons of the same method in the claim (Holm), is below 0.05, does not hold where that is so on
    the other side ({% if variants | length > 1 %}✕{% else %}hollow{% endif %}), and is undecided in between: among
    many comparisons an interval without the limit in it is not enough. Seeds that share pairs (claim 4b) have the
    jackknife's interval, the others Student's. As many samples removed at random tell what fewer samples, and so fewer
    steps, explain of a change; they are no part of the claim.
    """
    data = read_csv(claims_table)
    if missing := {"claim", "measured", "variant", "method", "against", "value", "verdict"} - set(
        data.columns
    ):
        raise StudyError(
            f"{claims_table} has no column {', '.join(sorted(missing))}", fix="let the workflow make it again"
        )
    data = data[data["against"] != "all"]
    look = style or Style()
    looks = look.methods([*data["method"], *data["against"]], methods)
    panels = list(data.groupby(["claim", "measured"], sort=True))
    with drawing(look):
        if data["variant"].nunique() > 1:
            save(claim_matrix(data, looks, look), outputs)
            return
        lines = [max(len(part), 1) for _, part in panels] or [1]
        heights = [0.62 + LINE_HEIGHT * count for count in lines]
        figure, grid = canvas(
            look.inches("double"),
            sum(heights) + 0.3,
            len(lines),
            1,
            gridspec_kw={"height_ratios": heights},
        )
        if not panels:
            note(grid[0][0], "no claim could be compared with this study's tables")
        for (axes,), ((number, measured), part) in zip(grid, panels, strict=False):
            _panel(axes, part, looks, str(measured))
            _headline(axes, f"{number}  {fill(str(part['statement'].iloc[0]), 100)}")
        if panels:
            figure.legend(handles=_key(), loc="outside lower center", ncols=3)
        save(figure, outputs)


def _headline(axes: Axes, text: str) -> None:
    """A title from the figure's left edge on, where the long statements have room."""
    axes.set_title(" ")
    title = axes.annotate(
        text,
        (0.0, 1.0),
        (4, 4),
        xycoords=("figure fraction", "axes fraction"),
        textcoords="offset points",
        fontweight="bold",
        va="bottom",
    )
    title.set_in_layout(False)


def _panel(axes: Axes, data: pd.DataFrame, looks: Mapping[str, MethodStyle], measured: str) -> None:
    limit = next((value for start, value in _LIMITS.items() if measured.startswith(start)), 0.0)
    names = []
    for line, row in enumerate(data.to_dict("records")):
        axes.axhline(line, color=GRID, linewidth=0.5, zorder=0)
        method, against = (
            looks[row[key]].label if row[key] in looks else row[key] for key in ("method", "against")
        )
        names.append(f"{method} – {against}")
        holds, fails = row["verdict"] == HOLDS, row["verdict"] == FAILS
        colour = looks[row["method"]].colour if holds or fails else FAINT
        if np.isfinite(row["ci_low"]) and np.isfinite(row["ci_high"]):
            axes.plot([row["ci_low"], row["ci_high"]], [line, line], color=colour, linewidth=1.4, zorder=2)
        axes.plot(
            [row["value"]],
            [line],
            marker="o",
            markersize=4.6,
            color=colour,
            markerfacecolor="white" if fails else colour,
            linestyle="none",
            zorder=3,
        )
    axes.axvline(limit, color=INK, linewidth=0.7, linestyle=(0, (3, 2)), zorder=1)
    axes.set_ylim(len(data) - 0.5, -0.5)
    axes.set_yticks(range(len(data)), names)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    if limit and data["value"].max() > 10 * limit and data["ci_low"].min() > 0:
        axes.set_xscale("log")
    axes.set_xlabel(measured)


def _key() -> list[Line2D]:
    style: dict[str, Any] = {"marker": "o", "linestyle": "none", "markersize": 4.6, "color": INK}
    return [
        Line2D([], [], **style, label="holds"),
        Line2D([], [], **style, markerfacecolor="white", label="does not hold"),
        Line2D([], [], **{**style, "color": FAINT}, label="undecided"),
    ]
