"""Ablations: each method's quality in every variant of a study, one panel per metric, the reference at the top.

Reads ``ablations.csv``. Marker: mean over seeds; bar: Student's 95 % interval over seeds. The methods of a variant
stand one below the other, in the order of the legend. Dashed: chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hydra_steps.figures.dots import reference_line
from hydra_steps.figures.methods import MethodStyle
from hydra_steps.figures.style import GRID, Style, canvas, drawing, in_legend, note, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import plural, read_tidy
from hydra_steps.tables.queries import Queries, read_queries_table

# metric: headline, name of the axis, what chance gives. From −1 (or 0, for the AUROC) to 1.
PANELS = {
    "lds": ("Predicts re-training", "LDS (Spearman ρ)", 0.0),
    "spearman": ("Ranks like exact HyDRA", "Spearman ρ with exact HyDRA", 0.0),
    "auroc": ("Finds wrong labels", "AUROC of wrong labels", 0.5),
}
STEP, GAP = 0.085, 0.1  # inches between two methods, and between two variants
MARKER: dict[str, Any] = {
    "markersize": 4.2,
    "markeredgecolor": "white",
    "markeredgewidth": 0.4,
    "linestyle": "none",
}


@figure(
    "ablations",
    title="Ablations",
    category="Ablations",
    chapter="What do the scores depend on?",
    order=100,
)
def plot_ablations(
    *,
    ablations_table: str | Path,
    queries_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw every metric of ``ablations.csv`` that has a number; the variants in the table's order.

    Ablations: every variant of the study{% if ablations.reference %}, beside the reference
    {{ ablations.reference }}{% endif %}. Marker: mean over seeds; bar: 95 % interval over seeds (Student's), cut
    where it leaves the measure's range; dashed: chance. Left: linear datamodelling score, the Spearman correlation,
    over {% if counterfactual.groups %}{{ counterfactual.groups }} random groups of
    {{ "%g" | format(100 * counterfactual.fraction) }} % of the training samples{% else %}random groups of training
    samples{% endif %}, of the predicted with the real change when the group is left out. Middle, where exact HyDRA is
    among the methods: rank correlation with its contributions. Right: area under the ROC curve of the wrong labels. A
    method without a marker has no such number in that variant; exact HyDRA is not compared with itself. The
    differences from the reference, paired by seed, with their intervals are in ablations.csv.

    {% if data.name %}{{ about }}, where a variant does not say otherwise.{% endif %}
    """
    required = ["variant", "method", "query", "metric", "n", "value", "ci_low", "ci_high", "reference"]
    data = read_tidy(ablations_table, required).dropna(subset=["value"])
    queries, look = read_queries_table(queries_table), style or Style()
    looks = look.methods(data["method"], methods)
    names = list(dict.fromkeys(data["variant"]))
    metrics = [metric for metric in PANELS if metric in set(data["metric"])]
    block = STEP * max(len(looks), 2) + GAP  # inches of one variant
    with drawing(look):
        rows_of_legend = -(-len(looks) // 4)
        height = 0.8 + block * max(len(names), 1) + 0.16 * rows_of_legend
        figure, grid = canvas(look.inches("double"), height, 1, max(len(metrics), 1), sharey=True)
        if not metrics:
            note(grid[0][0], "no method was measured in these variants")
        for axes, metric in zip(grid[0], metrics, strict=False):
            _panel(axes, data[data["metric"] == metric], names, looks, metric, queries)
        if metrics:
            reference = str(data["reference"].iloc[0])
            _variants(grid[0][0], names, reference, block)
            figure.legend(handles=_key(looks), loc="outside lower center", ncols=4)
        save(figure, outputs)


def _panel(
    axes: Axes,
    data: pd.DataFrame,
    names: Sequence[str],
    looks: Mapping[str, MethodStyle],
    metric: str,
    queries: Queries,
) -> None:
    """Draw one metric; a variant is one unit high, its methods are spread over the middle of it."""
    headline, name, chance = PANELS[metric]
    step = STEP / (STEP * max(len(looks), 2) + GAP)
    for line, (method, look) in enumerate(looks.items()):
        offset = (line - (len(looks) - 1) / 2) * step
        for row in data[data["method"] == method].to_dict("records"):
            y = names.index(row["variant"]) + offset
            if np.isfinite(row["ci_low"]) and np.isfinite(row["ci_high"]):
                axes.plot([row["ci_low"], row["ci_high"]], [y, y], color=look.colour, linewidth=1.1, zorder=3)
            axes.plot([row["value"]], [y], marker=look.marker, color=look.colour, zorder=4, **MARKER)
    for edge in range(1, len(names)):
        axes.axhline(edge - 0.5, color=GRID, linewidth=0.6, zorder=0)
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    reference_line(axes, chance)
    lowest = float(data[["value", "ci_low"]].min().min())
    # Intervals of few seeds may reach beyond what a correlation can be: cut there, and never at a marker.
    least = 0.0 if metric == "auroc" else -1.0
    axes.set_xlim(max(min(lowest, chance) - 0.05, least - 0.03), 1.03)
    axes.set_title(headline)
    seeds = plural(int(data["n"].max()), "seed")
    axes.set_xlabel(f"{name}\n{queries.words(str(data['query'].iloc[0]))}, {seeds}")


def _variants(axes: Axes, names: Sequence[str], reference: str, block: float) -> None:
    """Name the variants on the left; the first panel's axis is shared by all."""
    named = [name if name != reference or name == "reference" else f"{name}\n(reference)" for name in names]
    room = block > 0.3  # two lines of text beside one variant
    axes.set_yticks(range(len(names)), [text if room else text.replace("\n", " ") for text in named])
    axes.set_ylim(len(names) - 0.5, -0.5)


def _key(looks: Mapping[str, MethodStyle]) -> list[Line2D]:
    return [
        Line2D([], [], marker=look.marker, color=look.colour, label=in_legend(look.label), **MARKER)
        for look in looks.values()
    ]
