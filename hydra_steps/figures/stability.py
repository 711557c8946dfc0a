"""How stable each method's ranking is: from epoch to epoch, and from seed to seed.

Reads ``stability.csv`` (metrics ``between_epochs``, ``between_seeds``: Spearman correlations). Line and marker:
mean over queries and seeds; band and points: single seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from hydra_steps.figures.dots import LINE_HEIGHT, Dot, draw_dots, reference_line
from hydra_steps.figures.methods import MethodStyle
from hydra_steps.figures.style import Style, canvas, drawing, mark_epochs, note, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import count_seeds, per_run, plural, read_tidy, variants


@figure(
    "stability",
    title="Stability of the rankings",
    category="Agreement",
    chapter="How far from exact HyDRA?",
    order=52,
)
def plot_stability(
    *,
    stability_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw both correlations, one row of panels per variant.

    Stability of the ranking of the training samples. Left: rank correlation of the contributions after an epoch with
    those after the epoch looked at before it; band: range over seeds. Right: rank correlation between seeds, over
    samples with the same label in both; small points: one run and one query each; bar: range over seeds. Stability is
    no merit in itself: exact HyDRA's own contributions change with the epoch and the seed.
    """
    data = read_tidy(stability_table, ["variant", "seed", "method", "query", "metric", "epoch", "value"])
    look = style or Style()
    looks = look.methods(data["method"], methods)
    names = variants(data) or ["base"]
    with drawing(look):
        height = len(names) * max(2.1, 0.6 + LINE_HEIGHT * len(looks)) + 0.1
        figure, grid = canvas(look.inches("double"), height, len(names), 2)
        for row, variant in zip(grid, names, strict=True):
            part = data[data["variant"] == variant]
            prefix = "" if len(names) == 1 else f"{variant}: "
            _epochs(row[0], part[part["metric"] == "between_epochs"], looks)
            row[0].set_title(f"{prefix}from epoch to epoch" if prefix else "From epoch to epoch")
            _seeds(row[1], part[part["metric"] == "between_seeds"], looks)
            row[1].set_title("From seed to seed")
            counts = f"{plural(part['query'].nunique(), 'query')}, {plural(count_seeds(part), 'seed')}"
            row[1].set_title(counts, loc="right", fontweight="normal", fontsize="small")
        save(figure, outputs)


def _epochs(axes: Axes, data: pd.DataFrame, looks: Mapping[str, MethodStyle]) -> None:
    rows = per_run(data).dropna(subset=["value"])
    if rows.empty:
        note(axes, "fewer than two epochs\nwere looked at")
        return
    for method, own in rows.groupby("method", sort=False):
        look = looks[str(method)]
        means = own.groupby(["seed", "epoch"])["value"].mean().groupby("epoch").agg(["mean", "min", "max"])
        axes.fill_between(means.index, means["min"], means["max"], color=look.colour, alpha=0.15, linewidth=0)
        axes.plot(means.index, means["mean"], color=look.colour, marker=look.marker, markersize=3.2)
    mark_epochs(axes, data["epoch"])
    axes.set_xlabel("training ended after epoch")
    axes.set_ylabel("Spearman ρ, epoch before")
    axes.grid(axis="y")


def _seeds(axes: Axes, data: pd.DataFrame, looks: Mapping[str, MethodStyle]) -> None:
    rows = per_run(data).dropna(subset=["value"])
    if rows.empty:
        note(axes, "there is one seed")
        return
    dots = {}
    for method, own in rows.groupby("method"):
        by_seed = own.groupby("seed")["value"].mean()
        dots[str(method)] = Dot(by_seed.mean(), by_seed.min(), by_seed.max(), own["value"].tolist())
    draw_dots(axes, dots, looks)
    axes.set_xlim(min(-0.05, float(rows["value"].min()) - 0.05), 1.03)
    axes.set_xlabel("Spearman ρ between seeds")
    reference_line(axes, 0.0)
    reference_line(axes, 1.0)
