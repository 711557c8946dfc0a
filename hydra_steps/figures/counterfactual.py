"""How well each method predicts re-training: linear datamodelling score per query.

Reads ``counterfactual.csv`` (metric ``lds``: Spearman correlation, over groups of training samples, of the
predicted with the real change of the query when the group is left out and training is replayed). Bar:
the table's interval. Points: the seeds, or, for the mean over all queries, the single queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hydra_steps.figures.dots import LINE_HEIGHT, Dot, draw_dots, reference_line
from hydra_steps.figures.style import FAINT, GRID, Style, canvas, drawing, note, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import (
    count_seeds,
    main_design,
    over_seeds,
    per_run,
    plural,
    read_tidy,
    variants,
)
from hydra_steps.tables.queries import ALL_QUERIES, read_queries_table


@figure(
    "counterfactual",
    title="Linear datamodelling scores",
    category="Re-training",
    chapter="Does the score predict re-training?",
    order=40,
)
def plot_counterfactual(
    *,
    counterfactual_table: str | Path,
    queries_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw the LDS of every method; one row of panels per variant.

    Linear datamodelling score: Spearman correlation, over {% if counterfactual.groups %}{{ counterfactual.groups }}
    random groups of {{ "%g" | format(100 * counterfactual.fraction) }} % of the training samples{% else %}random groups
    of training samples{% endif %}, of the predicted with the real change of the query when the group is left out and
    training is repeated with the same seed and the same order of batches. Marker: mean over seeds; bar: 95 % interval
    over seeds from three on, else over groups; small points: single seeds, or single queries where the panel is a mean
    over queries. One is a perfect order, zero is chance.{% if counterfactual.repeats %} Band: the ceiling with its 95 %
    interval, which is what a score can reach against a truth that is one draw itself: √ of how well
    {{ counterfactual.repeats + 1 }} truths agree whose initial parameters differ by a factor 1 + 10⁻⁶ · normal.
    {% endif %}
    """
    data = read_tidy(counterfactual_table, ["variant", "run", "seed", "method", "query", "metric", "value"])
    data, limits = (main_design(data[data["metric"] == metric]) for metric in ("lds", "ceiling"))
    look = style or Style()
    looks = look.methods(data["method"], methods)
    names = variants(data) or ["base"]
    queries, present = read_queries_table(queries_table), sorted(set(data["query"]))
    panels = [query for query in present if queries.is_mean(query)]
    panels += [ALL_QUERIES] if ALL_QUERIES in present and len(present) > 2 else []
    panels = panels or present[:1]
    with drawing(look):
        width = look.inches("single" if len(panels) <= 1 else "double")
        height = len(names) * (0.55 + LINE_HEIGHT * max(len(looks), 2)) + 0.1
        figure, grid = canvas(width, height, len(names), max(len(panels), 1), sharey="row", sharex=True)
        for row, variant in zip(grid, names, strict=True):
            part = data[data["variant"] == variant]
            if part.empty:
                note(row[0], "no groups were re-trained")
                continue
            for axes, query in zip(row, panels, strict=True):
                title = queries.words(query).replace("over all", f"over {len(present) - 1}")
                draw_dots(axes, _dots(part, query), looks)
                _draw_ceiling(axes, limits[(limits["variant"] == variant) & (limits["query"] == query)])
                if variant == names[0]:
                    axes.set_title(title.capitalize())
                lowest = float(np.nanmin([-0.15, part["value"].min(), *_lows(part)]))
                axes.set_xlim(max(-1.03, lowest - 0.05), 1.03)
                reference_line(axes, 0.0)
                reference_line(axes, 1.0)
            if len(names) > 1:
                row[0].set_ylabel(variant, fontweight="bold")
        label = f"LDS (Spearman ρ of predicted and real change; {_counts(data)})"
        if len(grid[-1]) == 1:
            grid[-1][0].set_xlabel(label.replace(" of predicted", "\nof predicted").replace("; ", ";\n"))
        else:
            figure.supxlabel(label, fontsize=look.font_size)
        save(figure, outputs)


def _draw_ceiling(axes: Axes, limits: pd.DataFrame) -> None:
    """Draw what the truth can bear, and its interval where it has one."""
    for row in over_seeds(limits).to_dict("records"):
        if np.isfinite([row["ci_low"], row["ci_high"]]).all():
            axes.axvspan(row["ci_low"], row["ci_high"], color=GRID, alpha=0.6, linewidth=0, zorder=0)
        axes.axvline(row["value"], color=FAINT, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)


def _lows(data: pd.DataFrame) -> list[float]:
    return over_seeds(data)["ci_low"].dropna().tolist() if "ci_low" in data.columns else []


def _dots(data: pd.DataFrame, query: str) -> dict[str, Dot]:
    """Return value and interval of ``query``; behind it the single queries (mean over all) or the seeds."""
    dots = {}
    for method, own in data.groupby("method"):
        summary = over_seeds(own)
        chosen, runs = summary[summary["query"] == query], per_run(own)
        low, high = (
            (float(chosen[name].mean()) for name in ("ci_low", "ci_high"))
            if {"ci_low", "ci_high"} <= set(chosen.columns)
            else (np.nan, np.nan)
        )
        if query == ALL_QUERIES:
            points = summary.loc[summary["query"] != ALL_QUERIES, "value"].tolist()
        else:
            points = runs.loc[runs["query"] == query, "value"].tolist()
        dots[str(method)] = Dot(float(chosen["value"].mean()), low, high, points if len(points) > 1 else [])
    return dots


def _counts(data: pd.DataFrame) -> str:
    seeds = plural(count_seeds(data), "seed")
    if "n" not in data.columns or data["n"].dropna().empty:
        return seeds
    return f"{plural(int(data['n'].max()), 'group')}, {seeds}"
