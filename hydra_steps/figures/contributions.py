"""Do wrong labels have negative contributions? The distribution for clean and for wrong labels.

Reads ``contributions.csv`` (metric ``quantile``; keys ``is_noisy``, ``level``; value: contribution, positive
helps). Drawn is the density of the contribution divided by the run's typical size (the median of the absolute
values), on an axis that is linear in the middle and logarithmic outside, because contributions have long
tails. Seeds are averaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hydra_steps.figures.style import (
    CLEAN,
    FAINT,
    NOISY,
    WIDTHS,
    Style,
    canvas,
    drawing,
    grid_shape,
    note,
    save,
)
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import count_seeds, per_run, plural, read_tidy, variants
from hydra_steps.tables.queries import read_queries_table

_FEWEST_BINS, _MOST_BINS = 16, 48
_GROUPS = ((0, "clean label", CLEAN, "-"), (1, "wrong label", NOISY, (0, (3, 1))))


@figure(
    "contributions",
    title="Distribution of contributions",
    category="Noisy labels",
    chapter="Does the score find wrong labels?",
    order=61,
)
def plot_contributions(
    *,
    contributions_table: str | Path,
    queries_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw one panel per method and variant.

    Density of the contributions of samples with clean and with wrong labels. Each run's contributions are divided by
    their typical size (median of the absolute values), so that all methods share one axis; it is linear near zero and
    logarithmic outside. Positive: the sample helps; where a method only ranks, zero has no meaning. Averaged over
    seeds.
    """
    data = read_tidy(
        contributions_table, ["variant", "seed", "method", "query", "metric", "is_noisy", "level", "value"]
    )
    data = per_run(data[data["metric"] == "quantile"]).dropna(subset=["value"])
    queries = read_queries_table(queries_table)
    chosen = queries.detection(data["query"])
    data = data[data["query"] == chosen]
    look = style or Style()
    looks = look.methods(data["method"], methods)
    names = variants(data)
    panels = [
        (variant, method)
        for variant in names
        for method in looks
        if ((data["variant"] == variant) & (data["method"] == method)).any()
    ]
    rows, columns = grid_shape(len(panels))
    edges = _edges(data)
    with drawing(look):
        width = look.inches("single" if columns <= 2 else "double")
        figure, grid = canvas(
            width, rows * (1.25 if len(names) == 1 else 1.4) + 0.55, rows, columns, sharex=bool(panels)
        )
        flat = [axes for row in grid for axes in row]
        for axes in flat[max(len(panels), 1) :]:
            axes.set_visible(False)
        if not panels:
            note(flat[0], "no contributions were recorded")
        for number, (axes, (variant, method)) in enumerate(zip(flat, panels, strict=False)):
            _panel(axes, edges, data[(data["variant"] == variant) & (data["method"] == method)])
            label = looks[method].label
            axes.set_title(label if len(names) == 1 else f"{variant}:\n{label}", fontsize="small")
            if number >= len(panels) - columns:  # the last panel of every column carries the numbers
                axes.tick_params(labelbottom=True)
        if panels:
            narrow = width < WIDTHS["double"]
            sense = f"contribution to the {queries.words(chosen or '')} ÷ typical size   (− harms, + helps)"
            along = f"{fill(sense, 45)}\n{fill(_counts(data), 45)}" if narrow else sense
            figure.supxlabel(along, fontsize=look.font_size)
            figure.supylabel("density", fontsize=look.font_size)
            handles, labels = flat[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside upper left", ncols=2, borderaxespad=0.0)
            if not narrow:
                figure.text(0.995, 0.995, _counts(data), ha="right", va="top", fontsize="small", color=FAINT)
        save(figure, outputs)


def _edges(data: pd.DataFrame) -> np.ndarray:
    """Return bin edges in asinh(contribution / typical size), symmetric, wide enough for 98 % of every group.

    The smallest group decides how many: about two bins per square root of its size.
    """
    reach = [2.0]
    for _, run in data.groupby(["variant", "method", "seed"]):
        inner = run.loc[run["level"].between(0.01, 0.99), "value"].to_numpy(dtype=float)
        reach.append(float(np.abs(np.arcsinh(inner / _typical_size(run))).max(initial=0.0)))
    limit = min(max(reach), 8.0)
    smallest = float(data["n"].min()) if "n" in data.columns and data["n"].notna().any() else 0.0
    half = int(np.clip(round(np.sqrt(smallest)), _FEWEST_BINS // 2, _MOST_BINS // 2))
    return np.linspace(-limit, limit, 2 * half + 1)


def _ticks(limit: float) -> list[int]:
    """Return powers of ten inside the axis, or ones and threes where it ends before ten."""
    steps = (1, 3) if limit < np.arcsinh(10) else (10, 100, 1000)
    inside = [step for step in steps if np.arcsinh(step) <= limit]
    return [*(-step for step in reversed(inside)), 0, *inside]


def _panel(axes: Axes, edges: np.ndarray, data: pd.DataFrame) -> None:
    for flag, name, colour, line in _GROUPS:
        density = _density(data, flag, edges)
        if density is None:
            continue
        axes.stairs(density, edges, fill=True, color=colour, alpha=0.18, linewidth=0)
        axes.stairs(density, edges, color=colour, linestyle=line, linewidth=0.9, label=name)
    axes.axvline(0.0, color=FAINT, linewidth=0.6, zorder=1)
    axes.set_ylim(bottom=0.0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    ticks = _ticks(edges[-1])
    axes.set_xticks(np.arcsinh(ticks), [f"{tick}".replace("-", "−") for tick in ticks])
    axes.set_xticks(np.arcsinh((-1, 1)), minor=True)
    axes.set_xlim(edges[0], edges[-1])


def _density(data: pd.DataFrame, flag: int, edges: np.ndarray) -> np.ndarray | None:
    """Return the group's density between ``edges``, averaged over seeds; None without samples."""
    found = []
    for _, run in data.groupby("seed"):
        size = _typical_size(run)
        own = run[run["is_noisy"] == flag].sort_values("level")
        if len(own) < 2:
            continue
        places = np.arcsinh(own["value"].to_numpy(dtype=float) / size)
        # Values that are equal would make a step; a whisper of slope keeps the inverse a function.
        places = places + 1e-9 * np.arange(len(places))
        share = np.interp(edges, places, own["level"].to_numpy(dtype=float), left=0.0, right=1.0)
        found.append(np.diff(share) / np.diff(edges))
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
    sizes = (
        data.groupby(["variant", "seed", "is_noisy"])["n"]
        .max()
        .groupby(["variant", "is_noisy"])
        .mean()
        .unstack()
    )
    if (sizes.nunique() > 1).any():  # other variants, other noise
        return f"{plural(round(sizes.sum(axis=1).mean()), 'sample')} each, {seeds}"
    words = [f"{round(sizes[flag].iloc[0]):,} {name}s" for flag, name, *_ in _GROUPS if flag in sizes]
    return f"{', '.join(words)}, {seeds}"
