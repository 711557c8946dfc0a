"""How well each method finds wrong labels: ranking quality, and what is found for how much inspection.

Reads ``detection.csv``: metrics ``auroc`` and ``average_precision``, and ``found_in_inspected`` with the key
``fraction`` (share of the training set inspected, most harmful first; value: share of all wrong labels
found). Marker: mean over seeds; bar: its interval, or the range over seeds where the table has none; band:
range over seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hydra_steps.figures.dots import LINE_HEIGHT, Dot, draw_dots, reference_line
from hydra_steps.figures.methods import MethodStyle
from hydra_steps.figures.noise import share_wrong
from hydra_steps.figures.style import FAINT, Style, canvas, drawing, note, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import count_seeds, over_seeds, per_run, plural, read_tidy, variants
from hydra_steps.tables.queries import Queries, read_queries_table

_DOTS = (("auroc", "Ranking", "AUROC"), ("average_precision", "Precision", "average precision"))


@figure(
    "detection",
    title="Detection of wrong labels",
    category="Noisy labels",
    chapter="Does the score find wrong labels?",
    order=60,
)
def plot_detection(
    *,
    detection_table: str | Path,
    queries_table: str | Path,
    outputs: Sequence[str | Path],
    noise_table: str | Path | None = None,
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw AUROC, average precision and the inspection curve of every method; one row of panels per variant.

    Finding wrong labels by the lowest contribution: area under the ROC curve, average precision, and share of the wrong
    labels found among the samples inspected first. Marker and line: mean over seeds; bar: 95 % interval over seeds from
    three on, else over samples; band: smallest to largest seed. Dashed: guessing, and the best possible curve.
    """
    data = read_tidy(detection_table, ["variant", "run", "seed", "method", "query", "metric", "value"])
    queries, look = read_queries_table(queries_table), style or Style()
    data = _of_one_query(data, queries)
    looks = look.methods(data["method"], methods)
    shares = share_wrong(noise_table) if noise_table else {}
    names = variants(data) or ["base"]
    with drawing(look):
        height = len(names) * max(1.9, 0.6 + LINE_HEIGHT * max(len(looks), 2)) + 0.1
        figure, grid = canvas(
            look.inches("double"), height, len(names), 3, gridspec_kw={"width_ratios": [1.0, 1.0, 1.35]}
        )
        for row, variant in zip(grid, names, strict=True):
            part = data[data["variant"] == variant]
            if part["value"].dropna().empty:
                note(row[0], "no wrong labels to find")
                note(row[1], "")
                note(row[2], "")
                continue
            wrong = shares.get(variant, np.nan)
            for axes, (metric, title, label) in zip(row, _DOTS, strict=False):
                draw_dots(axes, _dots(part[part["metric"] == metric]), looks)
                axes.set_xlabel(label)
                axes.set_title(
                    title if len(names) == 1 or axes is not row[0] else f"{variant}: {title.lower()}"
                )
            lowest = (
                part.loc[part["metric"] == "auroc", [c for c in ("value", "ci_low") if c in part]].min().min()
            )
            row[0].set_xlim(min(0.45, float(lowest) - 0.02), 1.02)
            reference_line(row[0], 0.5, "chance")
            row[1].set_xlim(0.0, 1.03)
            row[1].set_yticklabels([])
            if np.isfinite(wrong):
                reference_line(row[1], wrong, "chance")
            _curve(row[2], part[part["metric"] == "found_in_inspected"], looks, wrong)
            if "n" in part.columns and part["n"].notna().any():
                counts = f"n = {part['n'].max():,.0f}"
                row[1].set_title(counts, loc="right", fontweight="normal", fontsize="small")
            counts = plural(count_seeds(part), "seed")
            by = queries.words(part["query"].iloc[0])
            counts = f"{by}, {counts}" if len(by) < 24 else counts  # what fits beside the title
            row[2].set_title(counts, loc="right", fontweight="normal", fontsize="small")
        save(figure, outputs)


def _of_one_query(data: pd.DataFrame, queries: Queries) -> pd.DataFrame:
    """Keep, per method, the rows of the query that chooses samples: the test set must not choose anything."""
    kept = [
        own[own["query"] == queries.detection(own["query"])] for _, own in data.groupby("method", sort=False)
    ]
    return pd.concat(kept) if kept else data


def _dots(rows: pd.DataFrame) -> dict[str, Dot]:
    dots = {}
    for method, own in rows.groupby("method"):
        runs, summary = per_run(own), over_seeds(own)
        summary = summary if len(summary) else runs
        low, high = np.nan, np.nan
        if {"ci_low", "ci_high"} <= set(own.columns):
            low, high = float(summary["ci_low"].mean()), float(summary["ci_high"].mean())
        if not (np.isfinite(low) and np.isfinite(high)) and len(runs) > 1:
            low, high = float(runs["value"].min()), float(runs["value"].max())
        points = runs["value"].tolist() if len(runs) > 1 else []
        dots[str(method)] = Dot(float(summary["value"].mean()), low, high, points)
    return dots


def _curve(axes: Axes, data: pd.DataFrame, looks: Mapping[str, MethodStyle], wrong: float) -> None:
    if data.empty or "fraction" not in data.columns:
        note(axes, "no inspection curve")
        return
    many = data["fraction"].nunique() > 12
    for method, look in looks.items():
        own = per_run(data[data["method"] == method]).dropna(subset=["value"])
        if own.empty:
            continue
        by_fraction = (100 * own.groupby("fraction")["value"].agg(["mean", "min", "max"])).sort_index()
        if by_fraction.index.min() > 0:  # nothing inspected, nothing found
            by_fraction = pd.concat(
                [pd.DataFrame(0.0, index=[0.0], columns=by_fraction.columns), by_fraction]
            )
        x = 100 * by_fraction.index.to_numpy(dtype=float)
        axes.fill_between(
            x, by_fraction["min"], by_fraction["max"], color=look.colour, alpha=0.13, linewidth=0
        )
        line: dict[str, Any] = {
            "color": look.colour,
            "linestyle": look.line,
            "marker": "" if many else look.marker,
        }
        axes.plot(x, by_fraction["mean"], markersize=3.2, clip_on=False, **line)
    most = 100 * float(data["fraction"].max())
    axes.plot([0, most], [0, most], color=FAINT, linewidth=0.7, linestyle=(0, (1, 1.5)), zorder=1)
    label = axes.annotate("guessing", (0.98 * most, 0.8 * most), ha="right", va="top", fontsize="x-small")
    label.set(color=FAINT, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6})
    if np.isfinite(wrong) and wrong > 0:
        axes.plot([0, min(100 * wrong, most), most], [0, min(100.0, most / wrong), min(100.0, most / wrong)],
                  color=FAINT, linewidth=0.7, linestyle=(0, (4, 1.5)), zorder=1)  # fmt: skip
        axes.annotate(
            "best possible", (most, 101.0), ha="right", va="bottom", color=FAINT, fontsize="x-small"
        )
    axes.set_xlim(0, most)
    axes.set_ylim(0, 108)
    axes.grid()
    axes.set_xlabel("training samples inspected (%)")
    axes.set_ylabel("wrong labels found (%)")
    axes.set_title("Inspection")
