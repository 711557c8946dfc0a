"""The approximation's error along the training: agreement with exact HyDRA per epoch, and the hypergradients'
distance.

Reads ``approximation.csv``. Line: mean over queries and seeds; band: from the smallest to the largest mean over
queries of a seed. Last panel: mean distance of the tracked samples' hypergradients with and without the Hessian,
their size, and the bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hydra_steps.figures.methods import MethodStyle
from hydra_steps.figures.style import FAINT, INK, Style, canvas, drawing, in_legend, mark_epochs, note, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import count_seeds, per_run, plural, read_tidy, variants

_PANELS = (
    ("spearman", "Rank correlation", "Spearman ρ with exact HyDRA", 1.0),
    ("sign_disagreement", "Signs that differ", "share of samples (%)", 100.0),
    (
        "relative_error",
        "Relative error",
        r"$\|c - c_{\mathrm{exact}}\|_2 \,/\, \|c_{\mathrm{exact}}\|_2$",
        1.0,
    ),
)
_Panel = tuple[str, str, str, float]
_CURVES = (
    ("hypergradient_norm", "size, with Hessian", INK, "-"),
    ("hypergradient_distance", "distance without it", "#D55E00", "-"),
    ("bound_measured", "bound, sizes measured", FAINT, (0, (4, 2))),
    ("bound", "bound beforehand", FAINT, (0, (1, 1.5))),
)

BEYOND = 1e4  # how far above everything measured the bound known beforehand is followed


@figure(
    "approximation",
    title="The approximation's error along the training",
    category="Agreement",
    chapter="How far from exact HyDRA?",
    order=51,
)
def plot_approximation(
    *,
    approximation_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw errors per epoch, one row of panels per variant.

    The approximation's error along the training: agreement of the contributions with exact HyDRA, had the training
    ended after that epoch. Line: mean over queries and seeds; band: range over seeds. Dashed: signs by chance; an
    error as large as the contributions. Last panel, where samples were tracked: size of their exact hypergradients,
    distance to those without the Hessian, and two bounds on that distance: with the sizes measured, and as it follows
    beforehand from the gradients and the Hessian's spectral norm (it grows exponentially and leaves the picture).
    """
    data = read_tidy(approximation_table, ["variant", "seed", "method", "query", "metric", "epoch", "value"])
    look = style or Style()
    agreement = data[data["metric"].isin([name for name, *_ in _PANELS])]
    looks = look.methods(agreement["method"], methods)
    names = variants(data) or ["base"]
    tracked = data["metric"].isin([name for name, *_ in _CURVES]).any()
    panels: list[_Panel | None] = [*_PANELS, None] if tracked else [*_PANELS]
    with drawing(look):
        columns = len(panels) if len(names) > 1 or not tracked else 2  # many variants: a line each
        rows = len(panels) // columns
        height = (2.0 if columns < len(panels) or not tracked else 1.45) * rows * len(names) + 0.4
        figure, grid = canvas(look.inches("double"), height, rows * len(names), columns)
        for number, variant in enumerate(names):
            own = [axes for row in grid[number * rows : (number + 1) * rows] for axes in row]
            _variant(own, data[data["variant"] == variant], looks, panels, columns, first=number == 0)
            if len(names) > 1:
                own[0].set_ylabel(f"{variant}\nSpearman ρ")
        for axes in grid[-1]:
            axes.set_xlabel("training ended after epoch" if columns == 2 else "epochs trained")
        counts = plural(count_seeds(data), "seed")
        if len(names) > 1:
            figure.supxlabel(counts, x=0.99, ha="right", fontsize="small", color=FAINT)
        else:
            grid[0][columns - 1].set_title(counts, loc="right", fontweight="normal", fontsize="small")
        _legend(figure, grid[0], with_curves=bool(tracked) and columns > 2)
        save(figure, outputs)


def _variant(
    own: Sequence[Axes],
    data: pd.DataFrame,
    looks: Mapping[str, MethodStyle],
    panels: Sequence[_Panel | None],
    columns: int,
    first: bool,
) -> None:
    """Draw one variant's panels; those of the first have titles."""
    for axes, panel in zip(own, panels, strict=True):
        if panel is None:
            _distances(axes, data, outside=columns == 2)
        else:
            _agreement(axes, data, looks, *panel)
        if first:
            axes.set_title("Hypergradients" if panel is None else panel[1])
        mark_epochs(axes, data["epoch"])


def _legend(figure: Figure, row: Sequence[Axes], with_curves: bool) -> None:
    """Put one legend under the figure: the methods, and the curves where they have none of their own."""
    handles, texts = row[0].get_legend_handles_labels()
    if with_curves:
        for more, entries in zip((handles, texts), row[-1].get_legend_handles_labels(), strict=True):
            more.extend(entries)
    if handles:
        figure.legend(handles, texts, loc="outside lower center", ncols=min(len(handles), 4))


def _agreement(
    axes: Axes,
    data: pd.DataFrame,
    looks: Mapping[str, MethodStyle],
    metric: str,
    title: str,
    label: str,
    factor: float,
) -> None:
    rows = per_run(data[data["metric"] == metric]).dropna(subset=["value"])
    if rows.empty:
        note(axes, f"{title.lower()}\nwas not measured")
        return
    for method, own in rows.groupby("method", sort=False):
        look = looks[str(method)]
        means = (
            own.groupby(["seed", "epoch"])["value"].mean().groupby("epoch").agg(["mean", "min", "max"])
            * factor
        )
        axes.fill_between(means.index, means["min"], means["max"], color=look.colour, alpha=0.15, linewidth=0)
        axes.plot(
            means.index,
            means["mean"],
            color=look.colour,
            marker=look.marker,
            markersize=3.2,
            label=in_legend(look.label),
        )
    axes.set_ylabel(label, parse_math=True)
    axes.grid(axis="y")
    if metric == "relative_error":
        axes.axhline(1.0, color=FAINT, linewidth=0.7, linestyle=(0, (3, 2)))
        if rows["value"].max() > 10 * max(rows["value"].min(), 1e-12):
            axes.set_yscale("log")
    elif metric == "sign_disagreement":
        axes.axhline(50.0, color=FAINT, linewidth=0.7, linestyle=(0, (3, 2)))
        axes.set_ylim(bottom=0.0)


def _distances(axes: Axes, data: pd.DataFrame, outside: bool) -> None:
    """The hypergradients' sizes and distances; ``outside``: with a legend of their own beside them."""
    drawn, most = False, 0.0
    for metric, label, colour, line in _CURVES:
        rows = per_run(data[data["metric"] == metric]).dropna(subset=["value"])
        means = rows.groupby("epoch")["value"].mean()
        means = means[np.isfinite(means) & (means > 0)]
        if means.empty:
            continue
        axes.plot(means.index, means, color=colour, linestyle=line, marker="o", markersize=2.4, label=label)
        drawn = True
        most = most if metric == "bound" else max(most, float(means.max()))
    if not drawn:
        note(axes, "no sample\nwas tracked")
        return
    axes.set_yscale("log")
    axes.set_ylabel(r"mean $\|\mathrm{d}\theta/\mathrm{d}w_n\|_2$", parse_math=True)
    if most and axes.get_ylim()[1] > BEYOND * most:  # a bound that grows exponentially leaves the picture
        axes.set_ylim(top=BEYOND * most)
    if outside:
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize="small")
