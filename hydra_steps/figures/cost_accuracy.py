"""Accuracy against cost: what a method's time buys, in predicting re-training and in finding wrong labels.

Reads ``comparison.csv``: one row per variant and method with ``seconds``, ``ratio_to_training``, ``lds`` and
``auroc``. Time is on a logarithmic axis. Methods without scores are named under the axes instead of drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from hydra_steps.figures.dots import LINE_HEIGHT
from hydra_steps.figures.methods import MethodStyle
from hydra_steps.figures.style import FAINT, Style, canvas, drawing, in_legend, note, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import read_tidy, variants

LEAST = 0.01  # of a training: what costs less stands there, so that a constant does not squeeze all others
_PANELS = (("lds", "Predicting re-training", "LDS", 0.0), ("auroc", "Finding wrong labels", "AUROC", 0.5))


@figure(
    "cost_accuracy",
    title="Accuracy against cost",
    category="Cost",
    chapter="What does it cost?",
    order=110,
)
def plot_cost_accuracy(
    *,
    comparison_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw LDS and AUROC against seconds / training, one row of panels per variant.

    Accuracy against cost. Across: the time to score all training samples for all queries, divided by the time of one
    training, on a logarithmic axis; what takes less than a hundredth stands at its left end. Up, left: linear
    datamodelling score, the Spearman correlation of predicted and real change when random groups are left out, mean
    over the queries; bar: 95 % interval over seeds from three on, else over groups. Up, right: area under the curve for
    finding wrong labels by the contributions to the mean validation loss. Dashed: chance. Values are means over the
    seeds; times are those of this machine.
    """
    data = read_tidy(comparison_table, ["variant", "method", "status", "ratio_to_training", "lds", "auroc"])
    look = style or Style()
    looks = look.methods(data["method"], methods)
    names = variants(data) or ["base"]
    with drawing(look):
        height = len(names) * max(2.0, 0.5 + 0.8 * LINE_HEIGHT * len(looks))
        figure, grid = canvas(
            look.inches("double"), height, len(names), 3, gridspec_kw={"width_ratios": [1.0, 1.0, 0.55]}
        )
        for number, (row, variant) in enumerate(zip(grid, names, strict=True)):
            part = data[data["variant"] == variant].set_index("method")
            for axes, (metric, title, label, chance) in zip(row, _PANELS, strict=False):
                _panel(axes, part, looks, metric, chance)
                axes.set_ylabel(label)
                axes.set_title(
                    title if len(names) == 1 or axes is not row[0] else f"{variant}: {title.lower()}"
                )
                axes.set_xlabel("time / time of one training")
            row[2].set_axis_off()
            if number == 0:
                _key(row[2], looks)
        save(figure, outputs)


def _panel(
    axes: Axes, data: pd.DataFrame, looks: Mapping[str, MethodStyle], metric: str, chance: float
) -> None:
    drawn = data.dropna(subset=[metric, "ratio_to_training"])
    if drawn.empty:
        note(axes, "not measured")
        return
    for method, look in looks.items():
        if method not in drawn.index:
            continue
        own = drawn.loc[[method]].iloc[0]
        x, y = max(float(own["ratio_to_training"]), LEAST), float(own[metric])
        low, high = (float(own.get(f"{metric}_{end}", np.nan)) for end in ("low", "high"))
        if np.isfinite(low) and np.isfinite(high):
            axes.plot([x, x], [low, high], color=look.colour, linewidth=0.8, zorder=2)
        axes.plot([x], [y], marker=look.marker, color=look.colour, markersize=4.5, linestyle="none", zorder=3,
                  markeredgecolor="white", markeredgewidth=0.4)  # fmt: skip
    axes.set_xscale("log")
    if (drawn["ratio_to_training"] < LEAST).any():
        axes.set_xlim(left=0.6 * LEAST)
        axes.xaxis.set_major_formatter(FuncFormatter(_cost))
    axes.axhline(chance, color=FAINT, linewidth=0.7, linestyle=(0, (3, 2)), zorder=1)
    axes.grid()
    missing: dict[str, list[str]] = {}
    for name, status in data["status"].astype(str).items():
        if status != "scored" and name in looks:
            missing.setdefault(str(status).split()[0], []).append(looks[str(name)].label)
    if missing:
        text = "; ".join(f"{status}: {', '.join(labels)}" for status, labels in missing.items())
        axes.annotate(text, (0.0, 0.01), xycoords="axes fraction", color=FAINT, fontsize="x-small")


def _cost(ratio: float, place: int | None = None) -> str:
    return rf"$\leq{LEAST:g}$" if ratio <= LEAST else f"{ratio:g}"


def _key(axes: Axes, looks: Mapping[str, MethodStyle]) -> None:
    if not looks:
        return
    for look in looks.values():
        axes.plot(
            [], [], marker=look.marker, color=look.colour, linestyle="none", label=in_legend(look.label)
        )
    axes.legend(loc="upper left", borderaxespad=0, fontsize="small")
