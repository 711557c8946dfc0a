"""How well each method predicts re-training: linear datamodelling score per query.

Reads ``counterfactual.csv`` (metric ``lds``: Spearman correlation, over groups of training samples, of the
predicted with the real change of the query when the group is left out and training is replayed). One panel
per mean query, with the bootstrap interval over groups and one point per seed; one panel for all single
queries together, with one point per query and the mean ± one standard deviation over queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydra_steps.figures.dots import LINE_HEIGHT, Dot, draw_dots, reference_line
from hydra_steps.figures.frames import (
    count_seeds,
    is_mean_query,
    over_seeds,
    per_run,
    plural,
    query_name,
    read_tidy,
    variants,
)
from hydra_steps.figures.style import Style, canvas, drawing, note, save


def plot_counterfactual(
    *,
    table: str | Path,
    outputs: Sequence[str | Path],
    methods: Sequence[str] | None = None,
    style: Mapping[str, Any] | Style | None = None,
) -> None:
    """Draw the LDS of every method; one row of panels per variant.

    ``table``: path of ``counterfactual.csv``. ``methods``: the study's method labels, in its order.
    """
    data = read_tidy(table, ["variant", "run", "seed", "method", "query", "metric", "value"])
    data = data[data["metric"] == "lds"]
    look = Style.of(style)
    looks = look.methods(data["method"], methods)
    names = variants(data) or ["base"]
    queries = sorted(set(data["query"]))
    panels: list[list[str]] = [[query] for query in queries if is_mean_query(query)]
    single = [query for query in queries if not is_mean_query(query)]
    panels += [single] if single else []
    with drawing(look):
        width = look.inches("single" if len(panels) <= 1 else "double")
        height = len(names) * (0.55 + LINE_HEIGHT * max(len(looks), 2)) + 0.1
        figure, grid = canvas(width, height, len(names), max(len(panels), 1), sharey="row", sharex=True)
        for row, variant in zip(grid, names, strict=True):
            part = data[data["variant"] == variant]
            if part.empty:
                note(row[0], "no groups were re-trained")
                continue
            for axes, chosen in zip(row, panels, strict=True):
                rows = part[part["query"].isin(chosen)]
                title = query_name(chosen[0]) if len(chosen) == 1 else plural(len(chosen), "single query")
                draw_dots(axes, _dots(rows, spread_over_queries=len(chosen) > 1), looks)
                axes.set_title(title.capitalize() if len(names) == 1 else f"{variant}: {title}")
                lowest = float(np.nanmin([-0.15, part["value"].min(), *_lows(part)]))
                axes.set_xlim(max(-1.03, lowest - 0.05), 1.03)
                reference_line(axes, 0.0)
                reference_line(axes, 1.0)
            row[-1].set_title(_counts(part), loc="right", fontweight="normal", fontsize="small")
        label = "LDS (Spearman ρ of predicted and real change)"
        if len(grid[-1]) == 1:
            grid[-1][0].set_xlabel(label)
        else:
            figure.supxlabel(label, fontsize=look.font_size)
        save(figure, outputs)


def _lows(data: pd.DataFrame) -> list[float]:
    return over_seeds(data)["ci_low"].dropna().tolist() if "ci_low" in data.columns else []


def _dots(rows: pd.DataFrame, *, spread_over_queries: bool) -> dict[str, Dot]:
    dots = {}
    for method, own in rows.groupby("method"):
        runs, summary = per_run(own), over_seeds(own)
        summary = summary if len(summary) else runs
        mean = float(summary["value"].mean())
        if spread_over_queries:
            spread = float(summary["value"].std())
            dots[str(method)] = Dot(mean, mean - spread, mean + spread, summary["value"].tolist())
        else:
            low, high = (
                (float(summary[name].mean()) for name in ("ci_low", "ci_high"))
                if {"ci_low", "ci_high"} <= set(summary.columns)
                else (np.nan, np.nan)
            )
            points = runs["value"].tolist() if len(runs) > 1 else []
            dots[str(method)] = Dot(mean, low, high, points)
    return dots


def _counts(data: pd.DataFrame) -> str:
    seeds = plural(count_seeds(data), "seed")
    if "n" not in data.columns or data["n"].dropna().empty:
        return seeds
    return f"{plural(int(data['n'].max()), 'group')}, {seeds}"
