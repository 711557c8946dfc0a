"""How well each method predicts removals of each size: LDS against the share of the samples that is left out.

Reads ``removal_sizes.csv``. One panel for a truth from the run's own seed, one for a truth from fresh seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from hydra_steps.figures.methods import MethodStyle
from hydra_steps.figures.style import FAINT, GRID, Style, canvas, drawing, in_legend, note, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import over_seeds, read_tidy, variants
from hydra_steps.tables.queries import ALL_QUERIES, read_queries_table

TRUTHS = {
    "same_seed": "Re-trained with the same seed",
    "fresh_seeds": "Re-trained from fresh seeds",
    "same_subset": "Trained on the rest, same seed",
    "fresh_subset": "Trained on the rest, fresh seeds",
}
LONG = 26  # characters of a label: with longer ones two columns are wider than a panel


@figure(
    "removal_sizes",
    title="Removals of several sizes",
    category="Re-training",
    chapter="Does the score predict re-training?",
    order=42,
)
def plot_removal_sizes(
    *,
    removal_sizes_table: str | Path,
    queries_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw LDS against the size of the removal, one row of panels per variant.

    Removals of several sizes. Across, logarithmic: share of the training samples in the random groups that are left
    out. Up: linear datamodelling score, the Spearman correlation of predicted and real change over the groups, mean
    over the queries and seeds; bar: 95 % interval. Large marker: the size that the method was made to predict. Grey:
    the ceiling, which is what a score can reach against a truth that is itself drawn by chance, with its interval,
    where it was measured.
    """
    required = ["variant", "seed", "method", "query", "metric", "fraction", "truth", "predicts", "value"]
    data = read_tidy(removal_sizes_table, required)
    queries, look = read_queries_table(queries_table), style or Style()
    data = over_seeds(data).dropna(subset=["value"])
    shown = ALL_QUERIES if ALL_QUERIES in set(data["query"]) else queries.main(data["query"])
    data = data[data["query"] == shown]
    scores = data[data["metric"] == "lds"]
    looks = look.methods(scores["method"], methods)
    sizes = sorted(set(data["fraction"]))  # of all panels, which share their axes
    names, truths = variants(data) or ["base"], [name for name in TRUTHS if name in set(data["truth"])]
    with drawing(look):
        width = look.inches("double" if len(truths) > 1 else "single")
        longest = max((len(in_legend(look.label)) for look in looks.values()), default=0)
        columns = 4 if len(truths) > 1 else 2 if longest <= LONG else 1
        rows_of_legend = -(-len(looks) // columns)
        height = len(names) * 2.3 + 0.17 * rows_of_legend + 0.2
        figure, grid = canvas(width, height, len(names), max(len(truths), 1), sharey=True, sharex=True)
        if scores.empty:
            note(grid[0][0], "no groups were re-trained")
        for row, variant in zip(grid, names, strict=True):
            for axes, truth in zip(row, truths, strict=False):
                part = data[(data["variant"] == variant) & (data["truth"] == truth)]
                _panel(axes, part, looks, sizes)
                if variant == names[0]:
                    axes.set_title(TRUTHS[truth])
                if variant == names[-1]:
                    axes.set_xlabel("share of the training samples left out")
            row[0].set_ylabel("LDS" if len(names) == 1 else f"{variant}: LDS")
        handles, labels = grid[0][0].get_legend_handles_labels()
        if handles:
            figure.legend(handles, labels, loc="outside lower center", ncols=columns)
        save(figure, outputs)


def _panel(axes: Axes, data: pd.DataFrame, looks: Mapping[str, MethodStyle], sizes: Sequence[float]) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
    axes.axhline(0.0, color=FAINT, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)
    limit = data[data["metric"] == "ceiling"].sort_values("fraction")
    if len(limit):
        x = limit["fraction"]
        axes.fill_between(x, limit["ci_low"], limit["ci_high"], color=GRID, alpha=0.7, linewidth=0, zorder=0)
        axes.plot(x, limit["value"], color=FAINT, linewidth=1.2, zorder=1, marker="_", label="_ceiling")
        axes.annotate("ceiling", (x.iloc[-1], limit["value"].iloc[-1]), xytext=(0, 3), textcoords="offset points",
                      color=FAINT, fontsize="x-small", ha="right")  # fmt: skip
    for method, look in looks.items():
        own = data[(data["method"] == method) & (data["metric"] == "lds")].sort_values("fraction")
        if own.empty:
            continue
        drawn: dict[str, Any] = {"color": look.colour, "linewidth": 1.0}
        axes.plot(own["fraction"], own["value"], marker=look.marker, markersize=2.6, linestyle=look.line,
                  label=in_legend(look.label), **drawn)  # fmt: skip
        axes.vlines(
            own["fraction"], own["ci_low"], own["ci_high"], color=look.colour, linewidth=0.6, alpha=0.5
        )
        nearest = (own["fraction"] - own["predicts"]).abs()
        made_for = own[nearest == nearest.min()]
        axes.plot(
            made_for["fraction"],
            made_for["value"],
            marker=look.marker,
            markersize=5.5,
            linestyle="none",
            **drawn,
        )
    axes.set_ylim(min(-0.1, axes.get_ylim()[0]), 1.08)
    axes.grid(axis="y")
