"""How training went: loss and the task's metric per epoch on the training, validation and test split.

Reads ``training.csv`` (metrics ``<split>_loss``, and ``<split>_accuracy`` or the like; key ``epoch``).
Line: mean over seeds; band: smallest to largest seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from hydra_steps.config.targets import metric_among
from hydra_steps.figures.style import SPLIT_COLOURS, Style, canvas, drawing, note, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import count_seeds, per_run, plural, read_tidy, variants

_LINES = {"train": "-", "validation": (0, (4, 1.5)), "test": (0, (1, 1))}
_NAMES = {"train": "training", "validation": "validation", "test": "test"}


@figure(
    "training",
    title="Loss and metric",
    category="Training",
    chapter="Training",
    order=20,
)
def plot_training(
    *,
    training_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw loss and the task's metric per epoch; one row of panels per variant.

    Mean loss after every epoch on the training split (against the {{ "labels" if asks == "class" else "targets" }}
    that training saw), the validation split and the test split, and {{ metric.words }} on the latter two. Line: mean
    over seeds; band: smallest to largest seed.
    """
    data = read_tidy(training_table, ["variant", "run", "seed", "metric", "epoch", "value"])
    data = data.dropna(subset=["epoch"])
    look = style or Style()
    names = variants(data) or ["base"]
    metric = metric_among(data["metric"])
    with drawing(look):
        figure, grid = canvas(look.inches("double"), 1.9 * len(names) + 0.1, len(names), 2, sharex=True)
        for row, variant in zip(grid, names, strict=True):
            part = data[data["variant"] == variant]
            prefix = "" if len(names) == 1 else f"{variant}: "
            _panel(row[0], part, "loss", 1.0)
            _panel(row[1], part, metric.name, metric.factor)
            row[0].set_title(f"{prefix}loss" if prefix else "Loss")
            row[1].set_title(f"{prefix}{metric.title.lower()}" if prefix else metric.title)
            row[0].set_ylabel("mean loss per sample")
            row[1].set_ylabel(metric.axis)
            row[1].set_title(
                plural(count_seeds(part), "seed"), loc="right", fontweight="normal", fontsize="small"
            )
        for axes in grid[-1]:
            axes.set_xlabel("epoch")
        save(figure, outputs)


def _panel(axes: Axes, data: pd.DataFrame, quantity: str, factor: float) -> None:
    drawn = False
    for split, colour in SPLIT_COLOURS.items():
        runs = per_run(data[data["metric"] == f"{split}_{quantity}"]).dropna(subset=["value"])
        if runs.empty:
            continue
        by_epoch = (runs.groupby("epoch")["value"].agg(["mean", "min", "max"]) * factor).sort_index()
        marker = "o" if len(by_epoch) == 1 else ""
        axes.fill_between(
            by_epoch.index, by_epoch["min"], by_epoch["max"], color=colour, alpha=0.18, linewidth=0
        )
        axes.plot(
            by_epoch.index,
            by_epoch["mean"],
            color=colour,
            linestyle=_LINES[split],
            marker=marker,
            label=_NAMES[split],
        )
        drawn = True
    if not drawn:
        note(axes, f"{quantity} was not recorded")
        return
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.grid(axis="y")
    if quantity == "loss":
        axes.set_ylim(bottom=0.0)
    first, last = data["epoch"].min(), data["epoch"].max()
    if first < last:
        axes.set_xlim(first, last)
    if quantity == "loss":
        axes.legend(loc="best")
