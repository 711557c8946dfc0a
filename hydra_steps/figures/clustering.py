"""Do two clusters of the contribution vectors of a class separate clean from wrong labels?

Reads ``clustering.csv``: keys ``algorithm``, ``label`` (empty: mean over the labels), metrics ``adjusted_rand`` and
``f1`` of the cluster that matches the wrong labels better, and ``share_noisy``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hydra_steps.figures.dots import LINE_HEIGHT, Dot, draw_dots, reference_line
from hydra_steps.figures.frames import count_seeds, over_seeds, per_run, plural, read_tidy, variants
from hydra_steps.figures.style import FAINT, Style, canvas, drawing, note, save

_COLUMNS = ("variant", "seed", "method", "metric", "algorithm", "label", "n", "value", "ci_low", "ci_high")
ALGORITHMS = {
    "kmeans": "k-means",
    "kmeans_unit": "k-means, unit length",
    "agglomerative": "agglomerative, cosine",
}
_METRICS = (("adjusted_rand", "adjusted Rand index"), ("f1", "F1 of the better-matching cluster"))


def plot_clustering(
    *,
    table: str | Path,
    outputs: Sequence[str | Path],
    methods: Sequence[str] | None = None,
    style: Mapping[str, Any] | Style | None = None,
) -> None:
    """Draw, for each algorithm and variant, the two metrics of every method; ``table``: ``clustering.csv``."""
    data = read_tidy(table, _COLUMNS)
    look = Style.of(style)
    looks = look.methods(data["method"], methods)
    names = variants(data)
    found = set(data["algorithm"].dropna())
    rows = [(v, a) for v in names for a in ALGORITHMS if a in found]
    with drawing(look):
        height = max(len(rows), 1) * (LINE_HEIGHT * max(len(looks), 2) + 0.28) + 0.35
        figure, grid = canvas(look.inches("double"), height, max(len(rows), 1), 2, sharex="col", sharey="row")
        for axes_row, (variant, algorithm) in zip(grid, rows, strict=False):
            part = data[(data["variant"] == variant) & (data["algorithm"] == algorithm)]
            title = ALGORITHMS[algorithm] if len(names) == 1 else f"{variant}: {ALGORITHMS[algorithm]}"
            for axes, (metric, _) in zip(axes_row, _METRICS, strict=True):
                draw_dots(axes, _dots(part[part["metric"] == metric]), looks, missing="cannot be told apart")
                axes.set_ylim(top=-1.0)  # room for the words of the dashed lines
            axes_row[0].set_title(title)
            reference_line(axes_row[0], 0.0, "chance")
            share = _mean(part[part["metric"] == "share_noisy"])
            if share == share:
                reference_line(axes_row[1], 2 * share / (1 + share), "all in one cluster")
        if not rows:
            for axes in grid[0]:
                note(axes, "no clusters were made")
        else:
            for axes, (_, name) in zip(grid[-1], _METRICS, strict=True):
                axes.set_xlabel(name)
            grid[0][0].set_xlim(right=1.0)
            grid[0][1].set_xlim(0.0, 1.0)
            grid[0][1].set_title(
                _counts(data), loc="right", fontweight="normal", fontsize="small", color=FAINT
            )
        save(figure, outputs)


def _dots(data: pd.DataFrame) -> dict[str, Dot]:
    """The mean over classes and seeds, its interval over classes, and one point per class (mean over seeds)."""
    means = over_seeds(data)
    dots = {}
    for method, part in means.groupby("method"):
        whole, classes = part[part["label"].isna()], part[part["label"].notna()]
        if len(whole):
            row = whole.iloc[0]
            points = classes["value"].dropna().tolist()
            dots[str(method)] = Dot(row["value"], row["ci_low"], row["ci_high"], points)
    return dots


def _mean(data: pd.DataFrame) -> float:
    whole = over_seeds(data)
    return float(whole.loc[whole["label"].isna(), "value"].mean())


def _counts(data: pd.DataFrame) -> str:
    runs = per_run(data)
    classes = int(runs["label"].nunique())
    each = runs.loc[runs["label"].notna(), "n"].mean()
    size = f"about {round(each):,} samples each, " if each == each else ""
    return (
        f"{plural(classes, 'class').replace('classs', 'classes')}, {size}{plural(count_seeds(data), 'seed')}"
    )
