"""Values of samples against their cost: how near a method comes to sampled values, and for how many trainings.

Reads ``values.csv``. One panel a variant; the cost is logarithmic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hydra_steps.figures.methods import MethodStyle
from hydra_steps.figures.style import FAINT, GRID, Style, canvas, drawing, in_legend, note, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import over_seeds, read_tidy, variants
from hydra_steps.tables.queries import ALL_QUERIES, read_queries_table

LEAST = 0.1  # of a training: what costs less stands there


@figure(
    "values",
    title="Values against cost",
    category="Re-training",
    chapter="Does the score predict re-training?",
    order=44,
)
def plot_values(
    *,
    values_table: str | Path,
    queries_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw the correlation with sampled values against the cost, one panel per variant.

    Values of samples against their cost. Across, logarithmic: cost in trainings; of methods that consist of trainings
    (Data Shapley, Data Banzhaf, leave-one-out, datamodels) how many they made, of the others what their passes come to;
    what costs less than a tenth stands at the left end. Up: Pearson correlation over the training
    samples with the values of {{ values.truth }}; bar: 95 % interval over the samples. Grey: the ceiling, the
    correlation that these values' own error allows; vertical line: what they cost. Labels of one method with different
    options are joined by a line.
    """
    data = read_tidy(values_table, ["variant", "seed", "method", "query", "metric", "value"])
    queries, look = read_queries_table(queries_table), style or Style()
    data = over_seeds(data)
    asked = data.loc[data["metric"] == "pearson", "query"]
    shown = ALL_QUERIES if ALL_QUERIES in set(asked) else queries.main(asked) if len(asked) else ""
    cost = data[data["metric"] == "trainings"].set_index(["variant", "method"])["value"].clip(lower=LEAST)
    scores = data[(data["metric"] == "pearson") & (data["query"] == shown)].dropna(subset=["value"])
    limits = data[(data["metric"] == "ceiling") & (data["query"] == shown)].set_index("variant")["value"]
    looks = look.methods(scores["method"], methods)
    names = variants(data) or ["base"]
    with drawing(look):
        width = look.inches("double" if len(names) > 1 else "single")
        ncols = 4 if len(names) > 1 else 2
        height = 2.5 + 0.17 * -(-len(looks) // ncols)
        figure, grid = canvas(width, height, 1, len(names), sharey=True)
        for axes, variant in zip(grid[0], names, strict=True):
            own = scores[scores["variant"] == variant].assign(
                cost=[
                    cost.get((variant, method), np.nan)
                    for method in scores.loc[scores["variant"] == variant, "method"]
                ]
            )
            known = {*own["method"]}
            truth = [cost[key] for key in cost.index if key[0] == variant and key[1] not in known]
            _panel(axes, own.dropna(subset=["cost"]), looks, methods or {}, limits.get(variant), truth)
            axes.set_xlabel("cost in trainings")
            if len(names) > 1:
                axes.set_title(variant)
        grid[0][0].set_ylabel("Pearson with sampled values")
        handles, labels = grid[0][0].get_legend_handles_labels()
        if handles:
            figure.legend(handles, labels, loc="outside lower center", ncols=ncols)
        save(figure, outputs)


def _panel(
    axes: Axes,
    data: pd.DataFrame,
    looks: Mapping[str, MethodStyle],
    methods: Mapping[str, str],
    limit: float | None,
    truth: Sequence[float],
) -> None:
    if data.empty:
        note(axes, "not measured")
        return
    axes.set_xscale("log")
    axes.axhline(0.0, color=FAINT, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)
    if limit is not None and np.isfinite(limit):
        axes.axhline(limit, color=FAINT, linewidth=1.2, zorder=1)
        axes.annotate("ceiling", (0.01, limit), xycoords=("axes fraction", "data"), xytext=(0, 2),
                      textcoords="offset points", color=FAINT, fontsize="x-small")  # fmt: skip
    for place in truth:
        axes.axvline(place, color=GRID, linewidth=2.0, zorder=0)
        axes.annotate("sampled values", (place, 0.02), xycoords=("data", "axes fraction"), xytext=(-3, 0), rotation=90,
                      textcoords="offset points", ha="right", color=FAINT, fontsize="x-small")  # fmt: skip
    of_method: dict[str, list[tuple[float, float]]] = {}
    for label, look in looks.items():
        own = data[data["method"] == label]
        if own.empty:
            continue
        row = own.iloc[0]
        of_method.setdefault(methods.get(label, label), []).append((row["cost"], row["value"]))
        axes.vlines([row["cost"]], [row["ci_low"]], [row["ci_high"]], color=look.colour, linewidth=0.7)
        axes.plot([row["cost"]], [row["value"]], marker=look.marker, color=look.colour, markersize=5, linestyle="none",
                  markeredgecolor="white", markeredgewidth=0.4, zorder=3, label=in_legend(look.label))  # fmt: skip
    for points in of_method.values():
        if len(points) > 1:
            x, y = zip(*sorted(points), strict=True)
            axes.plot(x, y, color=FAINT, linewidth=0.8, linestyle=(0, (1, 1.5)), zorder=2)
    axes.set_ylim(min(-0.1, data["value"].min() - 0.05), 1.05)
    axes.grid(axis="y")
