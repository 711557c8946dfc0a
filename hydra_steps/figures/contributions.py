"""Do wrong labels have negative contributions? The distribution for clean and for wrong labels.

Reads ``contributions.csv`` (metric ``quantile``; keys ``is_noisy``, ``level``; value: contribution, positive
helps). Drawn is the density of the contribution divided by the run's typical size (the median of the absolute
values), on an axis that is linear in the middle and logarithmic outside, because contributions have long
tails. Seeds are averaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hydra_steps.figures.frames import (
    count_seeds,
    detection_query,
    per_run,
    plural,
    query_name,
    read_tidy,
    variants,
)
from hydra_steps.figures.style import CLEAN, FAINT, NOISY, Style, canvas, drawing, grid_shape, note, save

_EDGES = np.linspace(-6.0, 6.0, 49)  # in asinh(contribution / typical size)
_TICKS = (-100, -10, 0, 10, 100)
_GROUPS = ((0, "clean label", CLEAN, "-"), (1, "wrong label", NOISY, (0, (3, 1))))


def plot_contributions(
    *,
    table: str | Path,
    outputs: Sequence[str | Path],
    methods: Sequence[str] | None = None,
    query: str | None = None,
    style: Mapping[str, Any] | Style | None = None,
) -> None:
    """Draw one panel per method and variant.

    ``table``: path of ``contributions.csv``. ``query``: whose contributions; by default the mean validation
    loss.
    """
    data = read_tidy(table, ["variant", "seed", "method", "query", "metric", "is_noisy", "level", "value"])
    data = per_run(data[data["metric"] == "quantile"]).dropna(subset=["value"])
    chosen = query or detection_query(data["query"])
    data = data[data["query"] == chosen]
    look = Style.of(style)
    looks = look.methods(data["method"], methods)
    names = variants(data)
    panels = [
        (variant, method)
        for variant in names
        for method in looks
        if ((data["variant"] == variant) & (data["method"] == method)).any()
    ]
    rows, columns = grid_shape(len(panels))
    with drawing(look):
        width = look.inches("single" if columns <= 2 else "double")
        figure, grid = canvas(width, rows * 1.25 + 0.55, rows, columns, sharex=bool(panels))
        flat = [axes for row in grid for axes in row]
        for axes in flat[max(len(panels), 1) :]:
            axes.set_visible(False)
        if not panels:
            note(flat[0], "no contributions were recorded")
        for number, (axes, (variant, method)) in enumerate(zip(flat, panels, strict=False)):
            _panel(axes, data[(data["variant"] == variant) & (data["method"] == method)])
            label = looks[method].label
            axes.set_title(label if len(names) == 1 else f"{variant}: {label}", fontsize="small")
            if number >= len(panels) - columns:  # the last panel of every column carries the numbers
                axes.tick_params(labelbottom=True)
        if panels:
            figure.supxlabel(
                f"contribution to the {query_name(chosen or '')} ÷ typical size   (− harms, + helps)",
                fontsize=look.font_size,
            )
            figure.supylabel("density", fontsize=look.font_size)
            handles, labels = flat[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside upper left", ncols=2, borderaxespad=0.0)
            figure.text(0.995, 0.995, _counts(data), ha="right", va="top", fontsize="small", color=FAINT)
        save(figure, outputs)


def _panel(axes: Axes, data: pd.DataFrame) -> None:
    centres = (_EDGES[1:] + _EDGES[:-1]) / 2
    for flag, name, colour, line in _GROUPS:
        density = _density(data, flag)
        if density is None:
            continue
        axes.fill_between(centres, density, step="mid", color=colour, alpha=0.18, linewidth=0)
        axes.step(centres, density, where="mid", color=colour, linestyle=line, linewidth=0.9, label=name)
    axes.axvline(0.0, color=FAINT, linewidth=0.6, zorder=1)
    axes.set_xlim(_EDGES[0], _EDGES[-1])
    axes.set_ylim(bottom=0.0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xticks(np.arcsinh((-1, 1)), minor=True)
    axes.set_xticks(np.arcsinh(_TICKS), [f"{tick}".replace("-", "−") for tick in _TICKS])


def _density(data: pd.DataFrame, flag: int) -> np.ndarray | None:
    """Return the group's density over ``_EDGES``, averaged over seeds; None without samples."""
    found = []
    for _, run in data.groupby("seed"):
        size = _typical_size(run)
        own = run[run["is_noisy"] == flag].sort_values("level")
        if len(own) < 2:
            continue
        places = np.arcsinh(own["value"].to_numpy(dtype=float) / size)
        # Values that are equal would make a step; a whisper of slope keeps the inverse a function.
        places = places + 1e-9 * np.arange(len(places))
        share = np.interp(_EDGES, places, own["level"].to_numpy(dtype=float), left=0.0, right=1.0)
        found.append(np.diff(share) / np.diff(_EDGES))
    return np.mean(found, axis=0) if found else None


def _typical_size(run: pd.DataFrame) -> float:
    """Return the median absolute contribution, every group weighted by its number of samples."""
    weight = run["n"].to_numpy(dtype=float) if "n" in run.columns else np.ones(len(run))
    size = np.abs(run["value"].to_numpy(dtype=float))
    order = np.argsort(size, kind="stable")
    reached = np.cumsum(weight[order])
    middle = float(size[order][np.searchsorted(reached, reached[-1] / 2)])
    return middle if middle > 0 else float(size.max()) or 1.0


def _counts(data: pd.DataFrame) -> str:
    seeds = plural(count_seeds(data), "seed")
    if "n" not in data.columns:
        return seeds
    sizes = data.groupby(["seed", "is_noisy"])["n"].max().groupby("is_noisy").mean()
    words = [f"{round(sizes[flag]):,} {name}s" for flag, name, _, _ in _GROUPS if flag in sizes.index]
    return f"{', '.join(words)}, {seeds}"
