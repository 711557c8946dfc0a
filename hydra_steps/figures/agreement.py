"""How far each method is from exact HyDRA: rank correlation, signs that differ, relative error.

Reads ``agreement.csv`` (metrics ``spearman``, ``sign_disagreement``, ``relative_error`` against
exact HyDRA). Small points: one run and one query each. Marker: mean over queries and seeds. Bar: ± one
standard deviation over seeds of the mean over queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hydra_steps.figures.dots import LINE_HEIGHT, Dot, draw_dots, reference_line
from hydra_steps.figures.style import Style, canvas, drawing, note, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import count_seeds, over_seeds, per_run, plural, read_tidy, variants

_PANELS = (
    ("spearman", "Rank correlation", "Spearman ρ with exact HyDRA"),
    ("sign_disagreement", "Signs that differ", "share of samples (%)"),
    ("relative_error", "Relative error", r"$\|c - c_{\mathrm{exact}}\|_2 \,/\, \|c_{\mathrm{exact}}\|_2$"),
)


@figure(
    "agreement",
    title="Agreement with exact HyDRA",
    category="Agreement",
    chapter="How far from exact HyDRA?",
    order=50,
)
def plot_agreement(
    *,
    agreement_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw the agreement of every method with exact HyDRA; one row of panels per variant.

    Agreement with exact HyDRA over all training samples: rank correlation, share of contributions whose sign differs,
    and relative error of the contributions. Small points: one run and one query each; marker: mean over queries and
    seeds; bar: one standard deviation over seeds. Methods that only rank have no sign and no size. Dashed: no
    correlation and perfect correlation; signs by chance; an error as large as the contributions themselves.
    """
    data = read_tidy(agreement_table, ["variant", "run", "seed", "method", "query", "metric", "value"])
    data = data[data["metric"].isin([name for name, _, _ in _PANELS])]
    look = style or Style()
    looks = look.methods(data["method"], methods)
    names = variants(data) or ["base"]
    with drawing(look):
        height = len(names) * (0.55 + LINE_HEIGHT * max(len(looks), 2)) + 0.1
        figure, grid = canvas(look.inches("double"), height, len(names), len(_PANELS), sharey="row")
        for row, variant in zip(grid, names, strict=True):
            part = data[data["variant"] == variant]
            for axes, (metric, title, label) in zip(row, _PANELS, strict=True):
                rows = part[part["metric"] == metric]
                if part.empty:
                    note(axes, "no method besides\nexact HyDRA" if axes is row[0] else "")
                    continue
                draw_dots(axes, _dots(rows), looks, "not measured" if metric == "spearman" else "ranks only")
                _scale(axes, metric, rows["value"])
                axes.set_xlabel(label, parse_math=True)
                axes.set_title(
                    title if len(names) == 1 or axes is not row[0] else f"{variant}: {title.lower()}"
                )
            if not part.empty:
                counts = f"{plural(part['query'].nunique(), 'query')}, {plural(count_seeds(part), 'seed')}"
                row[-1].set_title(counts, loc="right", fontweight="normal", fontsize="small")
        save(figure, outputs)


def _dots(rows: pd.DataFrame) -> dict[str, Dot]:
    factor = 100.0 if (rows["metric"] == "sign_disagreement").any() else 1.0
    dots = {}
    for method, own in rows.groupby("method"):
        runs = per_run(own)
        summary = over_seeds(own)["value"] if len(over_seeds(own)) else runs["value"]
        by_seed = runs.groupby("seed")["value"].mean()
        mean, spread = summary.mean() * factor, by_seed.std() * factor  # NaN for one seed: no bar
        dots[str(method)] = Dot(mean, mean - spread, mean + spread, (runs["value"] * factor).tolist())
    return dots


def _scale(axes: Axes, metric: str, values: pd.Series) -> None:
    finite = values[np.isfinite(values)]
    if metric == "spearman":
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlim(min(-0.05, float(finite.min()) - 0.05 if len(finite) else 0.0), 1.03)
        reference_line(axes, 0.0)
        reference_line(axes, 1.0)
    elif metric == "sign_disagreement":
        axes.set_xlim(-2.0, max(62.0, 100.0 * float(finite.max()) + 4.0 if len(finite) else 0.0))
        reference_line(axes, 50.0, "chance")
    elif len(finite) and finite.min() > 0 and finite.max() > 10 * finite.min():
        axes.set_xscale("log")
        reference_line(axes, 1.0)
    else:
        axes.set_xlim(0.0, max(1.1, 1.08 * float(finite.max()) if len(finite) else 0.0))
        reference_line(axes, 1.0)
