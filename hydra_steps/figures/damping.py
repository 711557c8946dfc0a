"""Damping sweeps: how well an influence function predicts re-training at each damping, and which one is selected.

Reads ``damping.csv``: one row per variant, sweep and damping, with the LDS on the validation queries (which choose)
and on the test queries (which judge). The damping is on a logarithmic axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from hydra_steps.figures.methods import MethodStyle
from hydra_steps.figures.style import FAINT, Style, canvas, drawing, in_legend, note, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import read_tidy, variants


@figure(
    "damping",
    title="Damping sweeps",
    category="Re-training",
    chapter="What do the scores depend on?",
    order=101,
)
def plot_damping(
    *,
    damping_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw LDS against the effective damping, one panel per variant.

    Damping of influence functions. Across, logarithmic: the effective damping, which is what is added to the
    curvature's diagonal (the stated damping and the weight decay). Up: linear datamodelling score, the Spearman
    correlation of predicted and real change when random groups of training samples are left out, mean over the queries
    of a split and over the seeds; band: 95 % interval over seeds from three on, else over groups. Dashed, hollow:
    validation queries, which choose the damping (vertical line). Solid: test queries, which judge the choice.
    """
    data = read_tidy(
        damping_table, ["variant", "method", "effective_damping", "lds_validation", "lds_test", "chosen"]
    )
    look = style or Style()
    looks = look.methods(data["method"], methods)
    names = variants(data) or ["base"]
    with drawing(look):
        width = look.inches("single" if len(names) == 1 else "double")
        figure, grid = canvas(width, 2.4, 1, len(names), sharey=True)
        for axes, variant in zip(grid[0], names, strict=True):
            _panel(axes, data[data["variant"] == variant], looks)
            axes.set_title("Damping" if len(names) == 1 else variant)
            axes.set_xlabel("effective damping")
        grid[0][0].set_ylabel("LDS")
        save(figure, outputs)


def _panel(axes: Axes, data: pd.DataFrame, looks: Mapping[str, MethodStyle]) -> None:
    if data[["lds_validation", "lds_test"]].dropna(how="all").empty:
        note(axes, "no damping was measured")
        return
    for name, own in data.groupby("method", sort=False):
        look, own = looks[str(name)], own.sort_values("effective_damping")
        x = own["effective_damping"]
        axes.fill_between(
            x, own["lds_test_low"], own["lds_test_high"], color=look.colour, alpha=0.13, linewidth=0
        )
        line: dict[str, Any] = {"color": look.colour, "marker": look.marker, "markersize": 3.2}
        axes.plot(x, own["lds_test"], label=in_legend(f"{look.label}, test queries"), **line)
        line |= {"markerfacecolor": "white", "linestyle": (0, (3, 2))}
        axes.plot(x, own["lds_validation"], label="validation queries", **line)
        for damping in own.loc[own["chosen"] == 1, "effective_damping"]:
            axes.axvline(damping, color=FAINT, linewidth=0.8, zorder=1)
            axes.annotate("chosen", (damping, 0.02), xycoords=("data", "axes fraction"), xytext=(2, 0),
                          textcoords="offset points", color=FAINT, fontsize="x-small")  # fmt: skip
    axes.set_xscale("log")
    axes.grid()
    axes.legend(loc="best")
