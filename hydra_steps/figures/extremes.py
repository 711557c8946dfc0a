"""Pictures of the samples that help and harm most: training samples for queries, test samples for training samples.

Reads ``extremes.csv`` and the images beside it (``extremes_images.npz``), of the lowest seed of each variant. Helpful
samples stand on the left, harmful ones on the right, the most extreme one on the outside. A training sample with a
wrong label has a thick dashed frame and a cross, so that it can be told without colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hydra_steps.figures.sample_pictures import (
    are_long,
    class_name,
    draw_picture,
    name_training_sample,
    read_images,
)
from hydra_steps.figures.style import CLEAN, FAINT, INK, NOISY, Style, drawing, note, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import read_tidy, variants
from hydra_steps.tables.queries import Queries, read_queries_table

_COLUMNS = (
    *("variant", "seed", "method", "unit", "given", "query", "subject", "side", "rank", "training", "label"),
    *("clean_label", "is_noisy", "test", "test_label", "contribution"),
)
_SIDES = ("helpful", "harmful")
_ROW, _TEXT, _HEAD = 0.84, 1.3, 0.30  # inches: a row of pictures, the words before it, a heading
_LINE = 0.11  # inches: a second line over a picture, for class names with more letters than fit in one


@figure(
    "extremes",
    title="Samples that help and harm most",
    category="Contributions",
    chapter="What do contributions look like, sample by sample?",
    order=93,
)
def plot_extremes(
    *,
    extremes_table: str | Path,
    queries_table: str | Path,
    extremes_images: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw one row per method and query or training sample.

    Training samples that help and harm a query most, and test samples that a training sample helps and harms most, by
    each method. Over a picture: its label{% if labels_known %}; dashed frame with a cross: a training sample with a
    wrong label, the true one in brackets{% endif %}. Under it: the contribution (positive helps), or the score of
    methods that only rank. The most extreme ones stand outside. The training samples asked about are those with the
    largest contributions in size to the first query; test samples are those that the study asks about. The lowest
    seed only, and of several variants the first; extremes.csv has all.
    """
    data = read_tidy(extremes_table, _COLUMNS)
    queries, look = read_queries_table(queries_table), style or Style()
    looks = look.methods(data["method"], methods)
    images = read_images(extremes_images)
    names = variants(data)
    rows = []
    for variant in names[:1]:
        own = data[data["variant"] == variant]
        own = own[own["seed"] == min(set(own["seed"]), key=int)]
        for method in looks:
            for given, key in (("query", "query"), ("training", "subject")):
                part = own[(own["method"] == method) & (own["given"] == given)]
                rows += [(variant, method, given, rows_of) for _, rows_of in part.groupby(key, sort=False)]
    count = int(data["rank"].max()) if len(data) and data["rank"].notna().any() else 1
    with drawing(look):
        width = look.inches("double")
        row = (
            _ROW + _LINE * are_long(images.get(names[0], {}).get("classes", np.array([]))) if names else _ROW
        )
        height = max(len(rows), 1) * row + _HEAD
        figure = Figure(figsize=(width, height))
        if not rows:
            axes = figure.add_axes((0.05, 0.05, 0.9, 0.9))
            note(axes, "no extremes were recorded")
        else:
            seed = f"seed {min(set(data['seed']), key=int)}"
            remark = seed if len(names) == 1 else f"{names[0]}, {seed}"
            if data["is_noisy"].notna().any():
                remark = f"frame with ✕: wrong label (clean one in\nbrackets); {remark}"
            _heads(figure, count, remark)
        for number, (variant, method, given, part) in enumerate(rows):
            _row(
                figure,
                number,
                len(rows),
                looks[method].label,
                given,
                part,
                images.get(variant, {}),
                count,
                row,
                queries,
            )
        save(figure, outputs)


def _left(side: str, place: int, count: int, width: float) -> tuple[float, float]:
    """Return the left edge and the width of a picture, in inches: its own place, then the helpful, then the harmful."""
    step = (width - _TEXT - 0.1) / (2 * count + 1 + 0.6)
    offset = {"subject": 0.0, "helpful": 1.3, "harmful": 1.6 + count}[side]
    return _TEXT + step * (offset + place), step


def _heads(figure: Figure, count: int, remark: str) -> None:
    width, height = figure.get_size_inches()
    for side, words, colour in (("helpful", "help most", CLEAN), ("harmful", "harm most", NOISY)):
        left, step = _left(side, 0, count, width)
        middle = (left + step * count / 2) / width
        figure.text(middle, 1 - 0.06 / height, words, ha="center", va="top", fontweight="bold", color=colour)
    figure.text(
        0.01,
        1 - 0.06 / height,
        remark,
        ha="left",
        va="top",
        fontsize="small",
        color=FAINT,
    )


def _row(
    figure: Figure,
    number: int,
    rows: int,
    name: str,
    given: str,
    data: pd.DataFrame,
    images: Mapping[str, np.ndarray],
    count: int,
    high: float,
    queries: Queries,
) -> None:
    width, height = figure.get_size_inches()
    bottom = (rows - 1 - number) * high
    first = data.iloc[0]
    classes = images.get("classes", np.array([]))

    def cell(side: str, place: int) -> Axes:
        left, step = _left(side, place, count, width)
        size = min(step * 0.9, _ROW - 0.31)
        return figure.add_axes(
            ((left + (step - size) / 2) / width, (bottom + 0.17) / height, size / width, size / height)
        )

    if given == "query":
        about = _broken(f"on the {queries.words(str(first['query']))}")
        if pd.notna(first["test"]):
            draw_picture(cell("subject", 0), images, "test", first["test"])
            figure.axes[-1].set_title(
                class_name(classes, first["test_label"]),
                fontsize="x-small",
                fontweight="normal",
                pad=2,
                loc="center",
            )
    else:
        about = f"of training sample {int(first['training'])}\non test samples"
        axes = cell("subject", 0)
        draw_picture(axes, images, "train", first["training"])
        name_training_sample(axes, first, classes)
    unit = "" if first["unit"] == "query" else "\n(rank only)"
    figure.text(
        0.06 / width,
        (bottom + 0.49) / height,
        name.replace(": ", ":\n"),
        va="bottom",
        fontsize="small",
        fontweight="bold",
    )
    figure.text(
        0.06 / width,
        (bottom + 0.36) / height,
        about + unit,
        va="center",
        fontsize="small",
        color=INK,
    )
    for side in _SIDES:
        own = data[data["side"] == side]
        for row in own.to_dict("records"):
            rank = int(row["rank"])
            # The most extreme on the outside: first on the left, last on the right.
            axes = cell(side, rank - 1 if side == "helpful" else count - rank)
            if given == "query":
                draw_picture(axes, images, "train", row["training"])
                name_training_sample(axes, row, classes)
            else:
                draw_picture(axes, images, "test", row["test"])
                axes.set_title(
                    class_name(classes, row["test_label"]),
                    fontsize="x-small",
                    fontweight="normal",
                    pad=2,
                    loc="center",
                )
            axes.set_xlabel(_number(row["contribution"]), fontsize="x-small", labelpad=1.5)


def _broken(text: str) -> str:
    """Break the words of a query, so that they fit beside the pictures."""
    return text.replace(" of ", " of\n").replace(", class", ",\nclass")


def _number(value: float) -> str:
    if value != value:
        return ""
    text = f"{value:+.1e}".replace("e-0", "e-").replace("e+00", "").replace("e+0", "e+")
    return text.replace("-", "−")
