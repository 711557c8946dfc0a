"""How few training samples a correct prediction hangs on, as found by each method and verified by re-training.

Reads ``brittleness.csv``: metric ``smallest_group`` per query, and ``median_smallest_group`` and ``flipped`` (share of
the correct predictions that flipped) over the queries. Points: single predictions; bar: the table's interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from hydra_steps.figures.dots import LINE_HEIGHT, Dot, draw_dots
from hydra_steps.figures.style import Style, canvas, drawing, note, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import count_seeds, over_seeds, per_run, plural, read_tidy, variants


@figure(
    "brittleness",
    title="Smallest groups that flip a prediction",
    category="Re-training",
    chapter="How few samples does a prediction hang on?",
    order=80,
)
def plot_brittleness(
    *,
    brittleness_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw the smallest flipping groups and the share of predictions flipped; one row of panels per variant.

    How few training samples a correct prediction hangs on: size of the smallest group of samples, taken in each
    method's order, whose removal flipped the prediction in a real re-training (left; fewer is better), and share of
    the predictions that were flipped at all by removing {% if brittleness.most %}at most
    {{ "%g" | format(100 * brittleness.most) }} % of the training samples{% else %}a bounded share{% endif %} (right).
    Small points: single predictions; marker: median, mean over seeds; bar: 95 % interval (Student's over seeds from
    three on, else bootstrap over predictions; Wilson's for the share).
    """
    data = read_tidy(brittleness_table, ["variant", "run", "seed", "method", "query", "metric", "value"])
    look = style or Style()
    looks = look.methods(data["method"], methods)
    names = variants(data) or ["base"]
    with drawing(look):
        height = len(names) * (0.6 + LINE_HEIGHT * max(len(looks), 2)) + 0.1
        figure, grid = canvas(
            look.inches("double"),
            height,
            len(names),
            2,
            gridspec_kw={"width_ratios": [1.6, 1.0]},
            sharey="row",
        )
        for row, variant in zip(grid, names, strict=True):
            part = data[data["variant"] == variant]
            prefix = "" if len(names) == 1 else f"{variant}: "
            if part["value"].dropna().empty:
                note(row[0], "no correct prediction was tried")
                note(row[1], "")
                continue
            draw_dots(
                row[0], _dots(part, "median_smallest_group", "smallest_group"), looks, "median never flipped"
            )
            draw_dots(row[1], _dots(part, "flipped", ""), looks)
            row[0].set_xscale("log")
            row[0].xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            row[0].xaxis.set_major_formatter(FormatStrFormatter("%d"))
            row[0].xaxis.set_minor_formatter(NullFormatter())
            row[0].grid(axis="x")
            row[0].set_xlabel("samples in the smallest flipping group")
            row[0].set_title(f"{prefix}size" if prefix else "Size")
            row[1].set_xlim(-0.03, 1.03)
            row[1].set_xlabel("share of the predictions flipped")
            row[1].set_title(f"{prefix}flipped" if prefix else "Flipped")
            row[1].set_title(_counts(part), loc="right", fontweight="normal", fontsize="small")
        save(figure, outputs)


def _dots(data: pd.DataFrame, metric: str, single: str) -> dict[str, Dot]:
    dots = {}
    for method, own in data.groupby("method"):
        chosen = over_seeds(own[own["metric"] == metric])
        value, low, high = (
            float(chosen[c].mean()) if c in chosen.columns and len(chosen) else np.nan
            for c in ("value", "ci_low", "ci_high")
        )
        runs = per_run(own)
        points = runs.loc[runs["metric"] == single, "value"].dropna().tolist()
        dots[str(method)] = Dot(value, low, high, points)
    return dots


def _counts(data: pd.DataFrame) -> str:
    runs = per_run(data[data["metric"] == "flipped"])
    seeds = plural(count_seeds(data), "seed")
    if runs.empty or "n" not in runs.columns or runs["n"].dropna().empty:
        return seeds
    return f"{plural(int(runs['n'].max()), 'prediction')}, {seeds}"
