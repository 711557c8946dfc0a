"""Which labels became which: the realised class-transition matrix of the label noise.

Reads ``noise.csv``: metric ``transition`` (keys ``clean_label``, ``label``; value: share of the clean label's
samples with that label, so that rows sum to one) and metric ``rate`` (share of all labels that are wrong).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm

from hydra_steps.figures.style import FAINT, INK, Style, canvas, class_words, drawing, note, save, tilt
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import count_seeds, per_run, plural, read_tidy, variants

_COLUMNS = ("variant", "seed", "metric", "clean_label", "label", "n", "value")
_MOST_COLUMNS = 2
_MOST_NUMBERS = 12  # classes up to which the shares are printed into the cells


@figure(
    "noise",
    title="Label noise",
    category="Data",
    chapter="Label noise",
    when="asks == 'class'",
    order=30,
)
def plot_noise(
    *,
    noise_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw the transition matrix, averaged over seeds; one panel per variant.

    Realised label noise: share (in per cent) of the training samples of each clean class (rows) that carry each label
    (columns), averaged over seeds. Rows sum to 100; colour follows the square root of the share.
    """
    data = per_run(read_tidy(noise_table, _COLUMNS))
    cells = data[data["metric"] == "transition"].dropna(subset=["clean_label", "label"])
    cells = cells.astype({"clean_label": int, "label": int})
    rates = data[data["metric"] == "rate"].dropna(subset=["value"])
    look = style or Style()
    names = variants(data) or ["base"]
    columns = min(len(names), _MOST_COLUMNS)
    rows = -(-len(names) // columns)
    with drawing(look):
        width = look.inches("single" if columns == 1 else "double")
        figure, grid = canvas(width, rows * (0.86 * width / columns) + 0.1, rows, columns)
        panels = [axes for row in grid for axes in row]
        for axes in panels[len(names) :]:
            axes.set_visible(False)
        for axes, variant in zip(panels, names, strict=False):
            part = cells[cells["variant"] == variant]
            if part["value"].dropna().empty:
                note(axes, "no labels were recorded")
                continue
            _matrix(axes, part)
            axes.set_title("Given labels" if len(names) == 1 else variant)
            axes.set_title(
                _counts(rates[rates["variant"] == variant]),
                loc="right",
                fontweight="normal",
                fontsize="small",
            )
        save(figure, outputs)


def share_wrong(table: str | Path) -> dict[str, float]:
    """Return per variant the share of training labels that are wrong, over all seeds, from ``noise.csv``."""
    data = per_run(read_tidy(table, _COLUMNS))
    rates = data[data["metric"] == "rate"].groupby("variant")["value"].mean()
    return {str(variant): float(rate) for variant, rate in rates.items()}


def _matrix(axes: Axes, data: pd.DataFrame) -> None:
    square = data.pivot_table(index="clean_label", columns="label", values="value", aggfunc="mean")
    classes = sorted(set(square.index) | set(square.columns))
    shares = 100.0 * square.reindex(index=classes, columns=classes).fillna(0.0).to_numpy()
    # The square root keeps cells of a few per cent visible beside a diagonal of eighty.
    picture = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, vmin=0.0, vmax=100.0), aspect="equal")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
    step = 1 if len(classes) <= 2 * _MOST_NUMBERS else len(classes) // 10
    names = class_words([int(label) for label in classes[::step]])
    axes.set_xticks(range(0, len(classes), step), names)
    axes.set_yticks(range(0, len(classes), step), names)
    tilt(axes, names)
    axes.set_xlabel("given label")
    axes.set_ylabel("clean label")
    if len(classes) <= _MOST_NUMBERS:
        for (line, column), share in np.ndenumerate(shares):
            if share > 0:
                text = f"{share:.0f}" if share >= 0.95 else f"{share:.1f}"
                colour = "white" if share > 35 else INK
                axes.text(column, line, text, ha="center", va="center", color=colour, fontsize="x-small")
    bar = axes.figure.colorbar(picture, ax=axes, shrink=0.82, pad=0.02, ticks=[0, 5, 20, 50, 100])
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)
    bar.set_label("share of the clean label (%)", color=FAINT)


def _counts(rates: pd.DataFrame) -> str:
    seeds = plural(count_seeds(rates), "seed")
    if rates.empty:
        return seeds
    return f"{100 * rates['value'].mean():.1f} % of {plural(int(rates['n'].max()), 'label')} wrong, {seeds}"
