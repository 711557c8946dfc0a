"""Removal curves: how good the model is after training anew without what each method points at.

Reads ``removal.csv`` (metrics ``test_accuracy`` or the like, and ``test_loss``; keys ``side`` and ``fraction``).
Marker: mean over fresh trainings; bar: the table's interval of that mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hydra_steps.config.targets import metric_among
from hydra_steps.figures.methods import MethodStyle
from hydra_steps.figures.style import Style, canvas, drawing, in_legend, note, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import over_seeds, per_run, plural, read_tidy, variants

_SPREAD = 0.018  # of the axis: how far the methods' markers stand apart in all


@figure(
    "removal",
    title="Removal curves",
    category="Re-training",
    chapter="Is training without what the score flags better?",
    order=70,
)
def plot_removal(
    *,
    removal_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw the test split's metric and loss over the share removed; one row of panels per variant and side.

    Removal curves: {% if metric.name == "accuracy" %}share of correct predictions{% else %}{{ metric.words }}{% endif
    %} on the test split, and mean test loss, of models that were trained
    anew without the share of the training samples that each method ranks first{% if removal.query %} by contribution
    to {{ removal.query | replace("_", " ") }}{% endif %}; the most harmful first, so that removing 80 % keeps the top
    20 %, or the most helpful first where the row says so. Marker: mean over {% if removal.seeds %}{{ removal.seeds }}
    {% endif %}fresh trainings, averaged over seeds of the study; bar: Student's 95 % interval of the mean, over the
    seeds where there are three or more; markers are moved sideways a little to be told apart.{% set controls =
    removal.controls or [] %}{% if controls %} Controls: {% if "random_order" in controls %}random order{% endif %}{%
    if controls | length == 2 %}, and {% endif %}{% if "oracle" in controls %}the samples with truly wrong labels first
    (oracle){% endif %}.{% endif %}
    """
    data = read_tidy(
        removal_table, ["variant", "run", "seed", "method", "metric", "side", "fraction", "value"]
    )
    data["side"] = data["side"].fillna("").astype(str)
    look = style or Style()
    looks = look.methods(data["method"], methods)
    rows = [(v, s) for v in variants(data) for s in sorted(set(data["side"]))] or [("base", "most_harmful")]
    with drawing(look):
        height = 2.1 * len(rows) + 0.11 * look.font_size / 7.5 * (len(looks) + 1)
        figure, grid = canvas(look.inches("double"), height, len(rows), 2)
        for axes, (variant, side) in zip(grid, rows, strict=True):
            part = data[(data["variant"] == variant) & (data["side"] == side)]
            for panel, (metric, title, label, factor) in zip(axes, _panels(data), strict=True):
                _curves(panel, over_seeds(part[part["metric"] == metric]), looks, factor)
                panel.set_ylabel(label)
                panel.set_title(
                    title if len(rows) == 1 else f"{_row_name(variant, side, rows)}: {title.lower()}"
                )
        for panel in grid[-1]:
            panel.set_xlabel(f"training samples removed (%){_first(rows)}")
        grid[0][1].set_title(_counts(data), loc="right", fontweight="normal", fontsize="small")
        handles, names = grid[0][0].get_legend_handles_labels()
        if handles:
            figure.legend(handles, names, loc="outside lower center", ncols=min(4, len(handles)))
        save(figure, outputs)


def _panels(data: pd.DataFrame) -> list[tuple[str, str, str, float]]:
    """The two metrics, each with its title, its axis and its factor."""
    metric = metric_among(data["metric"])
    axis = "test set correct (%)" if metric.name == "accuracy" else f"{metric.axis}, test set"
    return [
        (f"test_{metric.name}", metric.title, axis, metric.factor),
        ("test_loss", "Loss", "mean test loss", 1.0),
    ]


def _curves(axes: Axes, data: pd.DataFrame, looks: Mapping[str, MethodStyle], factor: float) -> None:
    data = data.dropna(subset=["value", "fraction"])
    if data.empty:
        note(axes, "nothing was removed")
        return
    most = 100 * float(data["fraction"].max())
    shifts = np.linspace(-0.5, 0.5, len(looks)) * _SPREAD * most if len(looks) > 1 else [0.0]
    for (method, look), shift in zip(looks.items(), shifts, strict=True):
        own = (
            data[data["method"] == method].groupby("fraction")[["value", "ci_low", "ci_high"]].mean() * factor
        )
        if own.empty:
            continue
        x = 100 * own.index.to_numpy(dtype=float)
        x = np.where(x > 0, x + shift, x)
        line: dict[str, Any] = {"color": look.colour, "linestyle": look.line, "marker": look.marker}
        axes.plot(x, own["value"], label=in_legend(look.label), linewidth=1.0, markersize=3.6, **line)
        bounded = own["ci_low"].notna() & own["ci_high"].notna()
        axes.vlines(
            x[bounded],
            own["ci_low"][bounded],
            own["ci_high"][bounded],
            color=look.colour,
            linewidth=0.9,
            alpha=0.7,
        )
    axes.set_xlim(-2.0, most + 2.0)
    if factor > 1:  # a share in per cent; an interval of few trainings can reach outside what there is
        axes.set_ylim(max(axes.get_ylim()[0], 0.0), min(axes.get_ylim()[1], factor))
    axes.grid(axis="y")


def _row_name(variant: str, side: str, rows: Sequence[tuple[str, str]]) -> str:
    parts = [variant] if len({v for v, _ in rows}) > 1 else []
    return ", ".join([*parts, f"{side.replace('_', ' ')} first"] if len({s for _, s in rows}) > 1 else parts)


def _first(rows: Sequence[tuple[str, str]]) -> str:
    sides = {side for _, side in rows}
    return f", {sides.pop().replace('_', ' ')} first" if len(sides) == 1 else ""


def _counts(data: pd.DataFrame) -> str:
    if data.empty or "n" not in data.columns or data["n"].dropna().empty:
        return ""
    trainings = plural(int(per_run(data)["n"].max()), "fresh training")
    seeds = int(per_run(data)["seed"].nunique())
    return f"{trainings} of each of {seeds} runs" if seeds > 1 else trainings
