"""Which labels help which classes? Mean contribution by training label and test class, clean and wrong labels apart.

Reads ``class_contributions.csv``: keys ``label`` (given training label), ``test_label``, ``is_noisy``; metric
``mean_contribution`` (positive helps) or ``mean_score`` (rank only). Seeds are averaged. The two parts of a method
share one colour scale, centred on zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import AsinhNorm

from hydra_steps.figures.style import FAINT, Style, canvas, class_words, drawing, note, save, tilt
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import count_seeds, over_seeds, per_run, plural, read_tidy, variants

_COLUMNS = ("variant", "seed", "method", "metric", "label", "test_label", "is_noisy", "value")
_PARTS = ((0, "clean labels"), (1, "wrong labels"))
_MOST_TICKS = 12


@figure(
    "class_contributions",
    title="Mean contributions of labels to classes",
    category="Contributions",
    chapter="What do contributions look like, sample by sample?",
    order=92,
)
def plot_class_contributions(
    *,
    class_contributions_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw two heat maps per method and variant, two methods on a line;

    Mean contribution of the training samples of each given label to each test class, for samples with clean labels
    (left) and with wrong ones (right). Positive: the samples help, so that the loss of the class would rise without
    one of them. {% if class_contributions.queries == "sample_loss" %}A test class is spoken for by the queries about
    single test samples of it, which may be few. {% endif %}The two parts of a method share one colour scale, linear
    near zero and logarithmic outside; grey: no such samples. Averaged over seeds.
    """
    data = read_tidy(class_contributions_table, _COLUMNS)
    look = style or Style()
    looks = look.methods(data["method"], methods)
    names = variants(data)
    means = over_seeds(data)
    panels = [
        (variant, method, part)
        for variant in names
        for method in looks
        if len(part := means[(means["variant"] == variant) & (means["method"] == method)])
    ]
    pairs = min(max(len(panels), 1), 2)
    rows = -(-max(len(panels), 1) // pairs)
    with drawing(look):
        width = look.inches("double" if pairs > 1 else "single")
        side = (width - 0.95 * pairs) / (2 * pairs)
        figure, grid = canvas(width, rows * (side + 0.42) + 0.3, rows, 2 * pairs)
        flat = [axes for row in grid for axes in row]
        for axes in flat[2 * max(len(panels), 1) :]:
            axes.set_visible(False)
        if not panels:
            note(flat[0], "no contributions were recorded")
            note(flat[1], "")
        for number, (variant, method, part) in enumerate(panels):
            left, right = flat[2 * number], flat[2 * number + 1]
            name = looks[method].label if len(names) == 1 else f"{variant}: {looks[method].label}"
            if not np.isfinite(part["value"]).any():
                note(left, "not measured")
                left.set_title(name, fontsize="small")
                note(right, "")
                continue
            _pair(left, right, part)
            left.set_title(name, fontsize="small")
            bottom = number + pairs >= len(panels)
            for axes, (_, words) in zip((left, right), _PARTS, strict=True):
                axes.set_xlabel(
                    f"test class\n({words})" if bottom else f"({words})", fontsize="small", labelpad=1
                )
            if number % pairs == 0:
                left.set_ylabel("given training label", fontsize="small")
        if panels:
            figure.text(
                0.995, 0.995, plural(count_seeds(per_run(data)), "seed"), ha="right", va="top", fontsize="small",
                color=FAINT,
            )  # fmt: skip
        save(figure, outputs)


def _pair(left: Axes, right: Axes, data: pd.DataFrame) -> None:
    """Two heat maps with one scale and one bar; logarithmic outside the middle, as the diagonal stands out."""
    labels = sorted(data["label"].dropna().unique())
    classes = sorted(data["test_label"].dropna().unique())
    values = data["value"].to_numpy(dtype=float)
    values = np.abs(values[np.isfinite(values)])
    limit = float(values.max(initial=0.0)) or 1.0
    typical = float(np.median(values)) or limit
    norm = AsinhNorm(linear_width=max(typical, limit / 1000), vmin=-limit, vmax=limit)
    for axes, (flag, _) in zip((left, right), _PARTS, strict=True):
        part = data[data["is_noisy"] == flag]
        means = part.pivot_table(index="label", columns="test_label", values="value", aggfunc="mean")
        square = means.reindex(index=labels, columns=classes).to_numpy(dtype=float)
        axes.set_facecolor("#DDDDDD")  # where there is no sample, or no number
        picture = axes.imshow(square, cmap="RdBu", norm=norm, aspect="equal")
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(length=0, labelsize="x-small", pad=1)
        step = 1 if len(labels) <= _MOST_TICKS else len(labels) // 10
        axes.set_yticks(range(0, len(labels), step), class_words(labels[::step]))
        step = 1 if len(classes) <= _MOST_TICKS else len(classes) // 10
        names = class_words(classes[::step])
        axes.set_xticks(range(0, len(classes), step), names)
        tilt(axes, names)
    right.tick_params(labelleft=False)
    # Ends, middle, and one level in between: what the bend of the scale leaves room for.
    middle = float(np.sqrt(norm.linear_width * limit)) if limit > 9 * norm.linear_width else limit / 3
    ticks = [-limit, -middle, 0.0, middle, limit]
    bar = right.figure.colorbar(picture, ax=[left, right], shrink=0.85, pad=0.02, aspect=15)
    bar.set_ticks(ticks, labels=[_number(tick) for tick in ticks], minor=False)
    bar.ax.minorticks_off()
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize="x-small")
    unit = (data["metric"] == "mean_contribution").any()
    words = (
        "mean contribution (change of loss)\n− harms, + helps" if unit else "mean score\n(rank only, no unit)"
    )
    bar.set_label(words, color=FAINT, fontsize="x-small")


def _number(value: float) -> str:
    """Return a signed number of two digits, ``+3.1e−5`` or ``−0.4``."""
    if value == 0:
        return "0"
    text = (
        f"{value:+.2g}"
        if 0.01 <= abs(value) < 1000
        else f"{value:+.1e}".replace("e-0", "e-").replace("e+0", "e+")
    )
    return text.replace("-", "−")
