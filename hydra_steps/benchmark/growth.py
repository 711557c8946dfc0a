"""How a time grows with one size: what was measured, the power law through it, and what a line continues."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hydra_steps.benchmark.pace import at_one_pace
from hydra_steps.figures.methods import MethodStyle
from hydra_steps.figures.style import GRID, note

MAIN = "main"
GROWING = ("plain_training", "hydra_exact", "hydra_gauss_newton", "hydra_hessian_free", "hydra_forward",
           "hydra_forward_hessian_free")  # fmt: skip
AXES = {
    "samples": "samples N",
    "parameters": "parameters P",
    "steps": "steps T",
    "queries": "queries Q",
    "tracked": "tracked n",
}


def draw_growth(
    axes: Axes, data: pd.DataFrame, laws: pd.DataFrame, axis: str, looks: Mapping[str, MethodStyle]
) -> None:
    """Seconds at one pace of the machine against size, on logarithmic axes: points, quartiles, the fitted line, its
    exponent in the key."""
    laws = laws[laws["axis"] == axis]
    lines = laws[laws["law"] == "line"].set_index("method")
    laws = laws[laws["law"] == "power"].set_index("method")
    axes.set_xlabel(AXES[axis])
    paced = at_one_pace(data)
    seconds = paced[paced["axis"] == axis]
    drawn = [method for method in GROWING if method in laws.index and method in set(seconds["method"])]
    if not drawn:
        note(axes, "not measured")
        return
    if axis != "parameters":
        own = paced[(paced["axis"] == MAIN) & paced["method"].isin(drawn)]
        seconds = pd.concat([seconds, own])
    for method in drawn:
        look, law = looks[method], laws.loc[method]
        points = seconds[seconds["method"] == method].sort_values(axis)
        measured, beyond = (points[points["extrapolated"] == flag] for flag in (0, 1))
        for part, fill in ((measured, look.colour), (beyond, "white")):
            error = [part["value"] - part["low"], part["high"] - part["value"]]
            axes.errorbar(
                part[axis], part["value"], np.array(error), linestyle="none", marker=look.marker, markersize=3.2,
                color=look.colour, markerfacecolor=fill, markeredgewidth=0.7, elinewidth=0.7,
            )  # fmt: skip
        sizes = measured[axis]
        poor = "" if law["r_squared"] >= 0.99 else f" (R² {law['r_squared']:.2f})"
        axes.plot(sizes, law["coefficient"] * sizes ** law["exponent"], color=look.colour, linewidth=0.8,
                  label=f"{law['exponent']:.2f}{poor}")  # fmt: skip
        if len(beyond):
            line = lines.loc[method]
            reach = np.geomspace(line["smallest"], beyond[axis].max())
            axes.plot(reach, line["intercept"] + line["coefficient"] * reach, color=look.colour, linewidth=0.8,
                      linestyle=(0, (2, 2)))  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(color=GRID)
    axes.minorticks_off()
    axes.legend(title="exponent", fontsize="xx-small", title_fontsize="xx-small", handlelength=1.0,
                borderaxespad=0.1, labelspacing=0.2, loc="best")  # fmt: skip
