"""Predicted against real change of the query for every group that was left out.

Reads ``counterfactual_points.csv``: ``variant, run, seed, method, query, group, predicted, real`` (both in
the query's unit; positive: the query rises when the group is left out). Only methods whose contribution has
that unit appear. The dashed line is a perfect prediction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hydra_steps.figures.methods import MethodStyle
from hydra_steps.figures.style import FAINT, Style, canvas, drawing, grid_shape, note, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import main_design, per_run, read_tidy, variants
from hydra_steps.tables.queries import read_queries_table


@figure(
    "prediction",
    title="Predicted and real changes",
    category="Re-training",
    chapter="Does the score predict re-training?",
    when="in_unit",
    order=41,
)
def plot_prediction(
    *,
    counterfactual_points_table: str | Path,
    queries_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw one panel per method and variant, all seeds together.

    Predicted against real change of the query for every group that was left out{% if counterfactual.groups %}
    ({{ counterfactual.groups }} groups of {{ "%g" | format(100 * counterfactual.fraction) }} % of the training
    samples){% endif %}, both in the query's unit; positive: the query rises without the group. Filled: first seed;
    hollow: the others. Dashed: a perfect prediction. Correlation (Spearman) and slope are means over seeds. Only
    methods whose score has the query's unit are shown; the horizontal scales differ.
    """
    data = read_tidy(counterfactual_points_table, ["variant", "seed", "method", "query", "predicted", "real"])
    data = main_design(per_run(data).dropna(subset=["predicted", "real"]))
    queries = read_queries_table(queries_table)
    chosen = queries.main(data["query"])
    data = data[data["query"] == chosen]
    look = style or Style()
    looks = look.methods(data["method"], methods)
    names = variants(data)
    drawn = [method for method in looks if (data["method"] == method).any()]
    panels = [(variant, method) for variant in names for method in drawn]
    # Many variants: a row each, whose panels share the axis of what really happened.
    many = len(names) > 1
    rows, columns = (len(names), len(drawn)) if many else grid_shape(len(panels))
    narrow = columns > 4
    with drawing(look):
        width = look.inches("single" if columns <= 2 else "double")
        size = width / max(columns, 2)
        figure, grid = canvas(width, rows * size * 1.02 + 0.3, rows, columns, sharey="row")
        flat = [axes for row in grid for axes in row]
        for axes in flat[max(len(panels), 1) :]:
            axes.set_visible(False)
        if not panels:
            note(flat[0], "no method predicts in the query's unit")
        for number, (axes, (variant, method)) in enumerate(zip(flat, panels, strict=False)):
            part = data[(data["variant"] == variant) & (data["method"] == method)]
            _panel(axes, part, looks[method], narrow)
            if number < columns or not many:
                _name(axes, looks[method].label, narrow)
            if many and number % columns == 0:
                axes.set_ylabel(variant, fontweight="bold")
        if panels:
            predicted, real = _axes_words(queries.words(chosen or ""), columns, len(data) // len(panels))
            figure.supxlabel(predicted, fontsize=look.font_size)
            figure.supylabel(real, fontsize=look.font_size)
        save(figure, outputs)


def _axes_words(query: str, columns: int, each: int) -> tuple[str, str]:
    """What the two axes show: in two lines where the figure is narrow, with the number where panels have none."""
    gap = "\n" if columns <= 2 else " "
    number = f", n = {each:,} each" if columns > 4 else ""
    return (
        f"predicted change of the {query}{gap}when the group is left out",
        f"real change (re-trained{number})",
    )


def _name(axes: Axes, label: str, narrow: bool) -> None:
    """Name the method over its panel, in several lines where panels are narrow."""
    text = fill(label, 14, break_on_hyphens=False) if narrow else label
    axes.set_title(text, pad=12, fontsize="small" if narrow else None)


def _panel(axes: Axes, data: pd.DataFrame, look: MethodStyle, narrow: bool) -> None:
    if data.empty:
        note(axes, "not measured")
        return
    seeds = sorted(set(data["seed"]))
    for number, seed in enumerate(seeds):
        own = data[data["seed"] == seed]
        face = look.colour if number == 0 else "none"
        axes.plot(
            own["predicted"],
            own["real"],
            marker=look.marker,
            markersize=3.2,
            linestyle="none",
            markerfacecolor=face,
            markeredgecolor=look.colour,
            markeredgewidth=0.6,
            alpha=0.75,
        )
    low, high = axes.get_xlim()
    bottom, top = axes.get_ylim()
    axes.plot([low, high], [low, high], color=FAINT, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)
    axes.set_xlim(low, high)
    axes.set_ylim(bottom, top)
    axes.locator_params(nbins=4)
    axes.ticklabel_format(axis="y", style="plain")  # a power of ten would stand where the numbers do
    if narrow:
        axes.locator_params(axis="x", nbins=2)
        axes.tick_params(axis="x", labelsize="small")
    place: dict[str, Any] = {"xycoords": "axes fraction", "xytext": (0, 3), "textcoords": "offset points"}
    size = "x-small" if narrow else "small"
    axes.annotate(_numbers(data, narrow), (0.0, 1.0), fontsize=size, color=FAINT, **place)


def _numbers(data: pd.DataFrame, narrow: bool) -> str:
    """Return Spearman correlation and slope, each the mean over seeds, and where there is room the number of points."""
    correlations, slopes = [], []
    for _, own in data.groupby("seed"):
        if len(own) > 2 and own["predicted"].nunique() > 1 and own["real"].nunique() > 1:
            correlations.append(own["predicted"].rank().corr(own["real"].rank()))
            slopes.append(np.polyfit(own["predicted"], own["real"], 1)[0])
    counts = f"n = {len(data):,}"
    if not correlations:
        return counts
    found = f"ρ = {np.mean(correlations):.2f}, slope {np.mean(slopes):.2g}"
    found = found.replace("-", "−")
    return found if narrow else f"{found}, {counts}"
