"""Which method finds planted labels, and whether the chances that are told can be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hydra_steps.audit.blends import BLENDS, RANKS, STACK
from hydra_steps.figures.dots import LINE_HEIGHT, Dot, draw_dots
from hydra_steps.figures.methods import MethodStyle
from hydra_steps.figures.style import FAINT, Style, canvas, drawing, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import read_tidy

BLEND_LOOKS = {
    RANKS: MethodStyle(BLENDS[RANKS], "#444444", "s"),
    STACK: MethodStyle(BLENDS[STACK], "#000000", "D"),
}


@figure(
    "audit",
    title="Audit: the methods on planted labels, and the chances that are told",
    category="Noisy labels",
    chapter="Which labels are wrong?",
    order=62,
)
def plot_audit(
    *,
    audit_methods: str | Path,
    audit_reliability: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw the methods' average precision, and the reliability diagram of the one that was chosen.

    Wrong labels{% if audit %}, {{ (100 * audit.rate) | round(1) }} % of all,{% endif %} were planted into
    {% if audit %}{{ audit.copies }} {% endif %}copies of the training data, which were trained and scored like the data
    themselves. Left: average precision of every method, and of all together, on the planted labels; bar: 95 %
    interval over the copies. Right: of the samples that the chosen one, learnt on the other copies, gave a chance of
    being planted, the share that was; the area of a point grows with the number of samples.
    """
    found = read_tidy(audit_methods, ["method", "value", "ci_low", "ci_high"])
    bins = read_tidy(audit_reliability, ["told", "real", "n"])
    look = style or Style()
    named = [name for name in found["method"] if name not in BLENDS]
    known = look.methods(named, methods) | BLEND_LOOKS
    looks = {name: known[name] for name in found["method"]}
    with drawing(look):
        height = 0.7 + max(1.5, LINE_HEIGHT * len(looks))
        figure, [[left, right]] = canvas(
            look.inches("double"), height, 1, 2, gridspec_kw={"width_ratios": [1.6, 1]}
        )
        rows = found.set_index("method")
        dots = {
            str(name): Dot(float(row["value"]), float(row["ci_low"]), float(row["ci_high"]))
            for name, row in rows.iterrows()
        }
        draw_dots(left, dots, looks)
        left.set_xlim(0.0, 1.03)
        left.set_xlabel("average precision on planted labels")
        left.set_title("Methods")
        _reliability(right, bins)
        save(figure, outputs)


def _reliability(axes: Axes, bins: pd.DataFrame) -> None:
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.7, linestyle=(0, (3, 2)), zorder=1)
    size = 6 + 60 * np.sqrt(bins["n"].astype(float) / max(float(bins["n"].max()), 1.0))
    axes.scatter(bins["told"], bins["real"], s=size, color="#0072B2", alpha=0.75, linewidths=0, zorder=2)
    axes.set_xlim(-0.04, 1.04)
    axes.set_ylim(-0.04, 1.04)
    axes.grid()
    axes.set_xlabel("chance told")
    axes.set_ylabel("share really planted")
    axes.set_title("Chances")
