"""Do two clusters of the contribution vectors of a class separate clean from wrong labels?

Reads ``clustering.csv``: keys ``algorithm``, ``label`` (empty: mean over the labels), metrics ``adjusted_rand`` and
``f1`` of the cluster that matches the wrong labels better, and ``share_noisy``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from hydra_steps.figures.dots import LINE_HEIGHT, Dot, draw_dots, reference_line
from hydra_steps.figures.methods import MethodStyle
from hydra_steps.figures.style import FAINT, Style, canvas, drawing, note, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import count_seeds, over_seeds, per_run, plural, read_tidy, variants

_COLUMNS = ("variant", "seed", "method", "metric", "algorithm", "label", "n", "value", "ci_low", "ci_high")
ALGORITHMS = {
    "kmeans": "k-means",
    "kmeans_unit": "k-means, unit length",
    "agglomerative": "agglomerative, cosine",
}
_METRICS = (("adjusted_rand", "adjusted Rand index"), ("f1", "F1 of the better-matching cluster"))


@figure(
    "clustering",
    title="Clusters of contribution vectors",
    category="Noisy labels",
    chapter="What do contributions look like, sample by sample?",
    order=90,
)
def plot_clustering(
    *,
    clustering_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw every method by algorithm: both metrics, or the first of each variant;

    Contribution vectors (one number for each query about a single test sample) of each given label, clustered in two
    without a look at the truth, and compared with the truly wrong labels: by the adjusted Rand index, which chooses
    nothing, and by the F1 of the cluster that matches the wrong labels better, which is chosen by the truth and
    therefore flatters (of several variants the figure shows the index alone). Marker: mean over labels and seeds; bar:
    95 % interval of the mean (Student's), over seeds from three on, else over labels; points: single labels. Dashed:
    chance, and one cluster that holds everything. {% if clustering.scale_queries %}Each query was divided by the root
    mean square of its contributions first.{% endif %} k-means takes the vectors as they are, or at unit length;
    agglomerative clustering uses cosine distance and average linkage.
    """
    data = read_tidy(clustering_table, _COLUMNS)
    look = style or Style()
    looks = look.methods(data["method"], methods)
    names = variants(data)
    found = [algorithm for algorithm in ALGORITHMS if algorithm in set(data["algorithm"].dropna())]
    rows = _panel_rows(names, found)
    columns = max((len(row) for row in rows), default=1) or 1
    with drawing(look):
        height = max(len(rows), 1) * (LINE_HEIGHT * max(len(looks), 2) + 0.28) + 0.35
        figure, grid = canvas(
            look.inches("double"), height, max(len(rows), 1), columns, sharex="col", sharey="row"
        )
        for number, (axes_row, row) in enumerate(zip(grid, rows, strict=False)):
            for axes, (variant, algorithm, metric) in zip(axes_row, row, strict=False):
                part = data[(data["variant"] == variant) & (data["algorithm"] == algorithm)]
                _panel(axes, part, metric, looks)
                if metric == 0 and (len(names) == 1 or number == 0):
                    axes.set_title(ALGORITHMS[algorithm])
            if len(names) > 1:
                axes_row[0].set_ylabel(names[number], fontweight="bold")
        if not any(rows):
            for axes in grid[0]:
                note(axes, "no clusters were made")
        else:
            for axes, (_, _, metric) in zip(grid[-1], rows[-1], strict=True):
                axes.set_xlabel(_METRICS[metric][1])
            figure.supxlabel(_counts(data), x=0.99, ha="right", fontsize="small", color=FAINT)
        save(figure, outputs)


def _panel_rows(names: Sequence[str], found: Sequence[str]) -> list[list[tuple[str, str, int]]]:
    """Panels (variant, algorithm, metric) by rows: of several variants only the metric that chooses nothing."""
    if len(names) > 1:
        return [[(variant, algorithm, 0) for algorithm in found] for variant in names]
    return [[(variant, algorithm, metric) for metric in (0, 1)] for variant in names for algorithm in found]


def _panel(axes: Axes, data: pd.DataFrame, metric: int, looks: Mapping[str, MethodStyle]) -> None:
    """One algorithm's clusters of one variant, by one of the metrics."""
    draw_dots(axes, _dots(data[data["metric"] == _METRICS[metric][0]]), looks, missing="cannot be told apart")
    axes.set_ylim(top=-1.0)  # room for the words of the dashed lines
    if metric == 0:
        reference_line(axes, 0.0, "chance")
        axes.set_xlim(right=1.0)
        return
    axes.set_xlim(0.0, 1.0)
    share = _mean(data[data["metric"] == "share_noisy"])
    if share == share:
        reference_line(axes, 2 * share / (1 + share), "all in one cluster")


def _dots(data: pd.DataFrame) -> dict[str, Dot]:
    """The mean over classes and seeds, its interval, and one point per class (mean over seeds)."""
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
