"""What decisions were worth: accuracy on each form of the data, and the predicted against the real change of loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from hydra_steps.audit.forms import WORDS
from hydra_steps.config.audits import FORMS
from hydra_steps.figures.dots import LINE_HEIGHT, Dot, draw_dots
from hydra_steps.figures.methods import MethodStyle
from hydra_steps.figures.style import FAINT, Style, canvas, drawing, in_legend, note, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import read_tidy

COLOURS = {"as_is": "#767676", "corrected": "#0072B2", "only_removed": "#009E73", "top_removed": "#E69F00"}


@figure(
    "audit_proof",
    title="Audit: training again as decided",
    category="Noisy labels",
    chapter="Which labels are wrong?",
    order=63,
)
def plot_audit_proof(
    *,
    audit_proof_table: str | Path,
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw the test accuracy on each form of the data, and the methods' predictions of the loss against it.

    Training again from {% if audit %}{{ audit.seeds }} {% endif %}fresh seeds, the same for all forms of the data.
    Left: test accuracy; bar: 95 % interval over seeds. Right, for the forms that only leave samples out: the change of
    the test loss, on the labels as they came, that each method predicts, the sum of the contributions of what is left
    out, against the real one, with its interval.
    """
    found = read_tidy(audit_proof_table, ["form", "method", "metric", "value", "ci_low", "ci_high"])
    look = style or Style()
    with drawing(look):
        height = 0.75 + max(1.5, LINE_HEIGHT * len(FORMS))
        figure, [[left, right]] = canvas(look.inches("double"), height, 1, 2)
        looks = {name: MethodStyle(WORDS[name], COLOURS.get(name, "#999999"), "o") for name in FORMS}
        accuracy = found[found["metric"] == "test_accuracy"].set_index("form")
        dots = {
            str(name): Dot(100 * row["value"], 100 * row["ci_low"], 100 * row["ci_high"])
            for name, row in accuracy.iterrows()
        }
        draw_dots(left, dots, looks)
        left.set_xlabel("test accuracy (%)")
        left.set_title("Trained anew on the data")
        _predictions(right, found[found["metric"] == "change_test_loss_as_came"], look, methods)
        save(figure, outputs)


def _predictions(axes: Axes, changes: pd.DataFrame, look: Style, methods: Mapping[str, str] | None) -> None:
    axes.set_title("Change of the test loss")
    real = changes[changes["method"] == ""].set_index("form")
    predicted = changes[changes["method"] != ""]
    if predicted.empty:
        note(axes, "no method predicts it")
        return
    for name, style in look.methods(dict.fromkeys(predicted["method"]), methods).items():
        own = predicted[predicted["method"] == name]
        rows = real.loc[own["form"]]
        span = [rows["value"] - rows["ci_low"], rows["ci_high"] - rows["value"]]
        axes.errorbar(
            own["value"], rows["value"], yerr=span, fmt=style.marker, color=style.colour, markersize=4,
            elinewidth=0.9, label=in_legend(style.label),
        )  # fmt: skip
    axes.axline((0, 0), slope=1, color=FAINT, linewidth=0.7, linestyle=(0, (3, 2)), zorder=0)
    axes.grid()
    axes.set_xlabel("predicted")
    axes.set_ylabel("real")
    axes.legend(loc="best")
