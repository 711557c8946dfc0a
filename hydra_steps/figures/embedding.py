"""Contribution vectors in two dimensions: do wrong labels lie together, do classes?

Reads ``embedding.csv``: one row per training sample and method with its place, given label, and whether that is wrong.
Places of t-SNE have no unit and no direction, so the axes carry no numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hydra_steps.figures.style import CLEAN, FAINT, NOISY, Style, canvas, class_words, drawing, note, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import plural, read_tidy, variants

_COLUMNS = ("variant", "seed", "method", "index", "label", "is_noisy", "x", "y")
_GROUPS = ((0, "clean label", CLEAN, "o"), (1, "wrong label", NOISY, "x"))
_UNKNOWN = ((-1, "label as it came", FAINT, "o"),)


@figure(
    "embedding",
    title="Contribution vectors in two dimensions",
    category="Noisy labels",
    chapter="What do contributions look like, sample by sample?",
    order=91,
)
def plot_embedding(
    *,
    embedding_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw two panels per method and variant, coloured by noise and by given label;

    Contribution vectors (one number for each query about a single test sample) of {% if embedding.samples %}at most
    {{ "{:,}".format(embedding.samples) }} {% endif %}training samples, at unit length, placed in two dimensions by
    t-SNE{% if embedding.perplexity %} (perplexity {{ embedding.perplexity }}){% endif %}. Left: {% if
    labels_known %}clean and wrong labels{% else %}all labels, of which it is not known which are wrong{% endif
    %}; right: the given label, its number at the median of its samples. {% if embedding.scale_queries %}Each
    query was divided by the root mean square of its contributions first. {% endif %}Near means alike in whom a sample
    helps and harms; distances between groups, and their sizes, mean nothing. The lowest seed only.
    """
    data = read_tidy(embedding_table, _COLUMNS)
    look = style or Style()
    looks = look.methods(data["method"], methods)
    names = variants(data)
    labels = sorted(data["label"].dropna().unique())
    panels = [
        (variant, method, part)
        for variant in names
        for method in looks
        if len(part := data[(data["variant"] == variant) & (data["method"] == method)])
    ]
    # Two panels for each method: side by side where there are few, one method per line where that fills the page.
    pairs = min(max(len(panels), 1), 2)
    rows = -(-max(len(panels), 1) // pairs)
    with drawing(look):
        width = look.inches("double" if pairs > 1 else "single")
        side = width / (2 * pairs)
        figure, grid = canvas(width, rows * (side + 0.2) + 0.45, rows, 2 * pairs)
        flat = [axes for row in grid for axes in row]
        for axes in flat[2 * max(len(panels), 1) :]:
            axes.set_visible(False)
        if not panels:
            note(flat[0], "no contributions were recorded")
            note(flat[1], "")
        for number, (variant, method, part) in enumerate(panels):
            left, right = flat[2 * number], flat[2 * number + 1]
            title = looks[method].label if len(names) == 1 else f"{variant}: {looks[method].label}"
            left.set_title(title, fontsize="small")
            placed = part.dropna(subset=["x", "y"])
            if placed.empty:
                note(left, "all directions alike")
                note(right, "")
                continue
            _by_noise(left, placed)
            _by_label(right, placed, labels)
        if panels:
            _legends(figure, labels, look, _groups(data))
            figure.text(0.995, 0.995, _counts(data), ha="right", va="top", fontsize="small", color=FAINT)
        save(figure, outputs)


def _by_noise(axes: Axes, data: pd.DataFrame) -> None:
    for flag, _, colour, marker in _groups(data):
        part = data[data["is_noisy"].fillna(-1) == flag]
        axes.plot(
            part["x"], part["y"], marker, color=colour, alpha=0.6, linestyle="none", **_size(data, marker)
        )
    _frame(axes)


def _groups(data: pd.DataFrame) -> Sequence[tuple[int, str, str, str]]:
    """Return flag, name, colour and marker of the groups by noise: one where the clean labels are not known."""
    return _UNKNOWN if data["is_noisy"].isna().all() else _GROUPS


def _by_label(axes: Axes, data: pd.DataFrame, labels: Sequence[float]) -> None:
    for label, colour in zip(labels, _colours(len(labels)), strict=True):
        part = data[data["label"] == label]
        axes.plot(part["x"], part["y"], "o", color=colour, alpha=0.7, linestyle="none", **_size(data, "o"))
    # The number at the middle of each class's points says it without colour.
    for label in labels:
        part = data[data["label"] == label]
        if len(part):
            middle = part["x"].median(), part["y"].median()
            text = axes.text(
                *middle,
                class_words([label])[0],
                ha="center",
                va="center",
                fontsize="small",
                fontweight="bold",
            )
            text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.7})
    _frame(axes)


def _size(data: pd.DataFrame, marker: str) -> dict[str, Any]:
    """Markers that shrink as the points get more."""
    size = float(np.clip(50 / np.sqrt(max(len(data), 1)), 0.9, 4.0))
    return {
        "markersize": size * (1.3 if marker == "x" else 1.0),
        "markeredgewidth": 0.4 if marker == "x" else 0.0,
    }


def _frame(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect("equal", adjustable="datalim")
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color("#CCCCCC")


def _colours(count: int) -> list[Any]:
    palette = matplotlib.colormaps["tab10" if count <= 10 else "tab20"]
    return [palette(i % palette.N) for i in range(count)]


def _legends(
    figure: Any, labels: Sequence[float], look: Style, groups: Sequence[tuple[int, str, str, str]]
) -> None:
    def mark(name: str, colour: Any, marker: str) -> Line2D:
        return Line2D([], [], color=colour, marker=marker, linestyle="none", markersize=3.5, label=name)

    by_noise = [mark(name, colour, marker) for _, name, colour, marker in groups]
    figure.legend(handles=by_noise, loc="outside upper left", ncols=2, borderaxespad=0.0, handletextpad=0.1)
    if len(labels) <= 20:
        classes = [
            mark(name, c, "o") for name, c in zip(class_words(labels), _colours(len(labels)), strict=True)
        ]
        figure.legend(
            handles=classes,
            loc="outside lower center",
            ncols=min(len(classes) + 1, 12),
            title="given label",
            title_fontsize=look.font_size - 0.5,
            borderaxespad=0.0,
            handletextpad=0.0,
            columnspacing=0.8,
        )


def _counts(data: pd.DataFrame) -> str:
    size = int(data.groupby(["variant", "method"])["index"].nunique().max())
    return f"{plural(size, 'sample')}, seed {sorted(set(data['seed']))[0]}"
