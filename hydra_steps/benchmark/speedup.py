"""What each method's time is, and how it grows: ratios to plain training, and seconds against size.

Reads ``speed.csv`` and ``scaling.csv``. Measured values are filled bars and points with their quartiles; values
predicted by a line are hatched bars and open points, with its 95 % prediction interval, and the line is dashed. The
key has the exponents of the power laws, drawn through what was measured. All axes of time are logarithmic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes

from hydra_steps.benchmark.growth import AXES, MAIN, draw_growth
from hydra_steps.benchmark.speed_summary import read_machine
from hydra_steps.figures.methods import MethodStyle
from hydra_steps.figures.style import FAINT, INK, Style, canvas, drawing, note, save
from hydra_steps.registry.decorators import figure
from hydra_steps.tables.frames import read_tidy

# Contestants that are no method of a study, or a method in another form.
OTHERS = {
    "plain_training": MethodStyle("Plain training (torch.optim)", "#444444", "o"),
    "training": MethodStyle("Our training loop", "#767676", "o"),
    "training_keep_sqrt": MethodStyle("Training, √T states kept", "#767676", "s"),
    "training_keep_all": MethodStyle("Training, all states kept", "#767676", "D"),
    "hydra_exact_keep_sqrt": MethodStyle("Exact HyDRA, √T states kept", "#0072B2", "o"),
    "hydra_forward": MethodStyle("Forward HyDRA", "#D55E00", "^"),
    "hydra_forward_hessian_free": MethodStyle("Forward, Hessian-free", "#E69F00", "v"),
    "captum_tracincp": MethodStyle("TracInCP (captum)", "#882255", "X"),
}
BAR = 0.165  # inches per bar


@figure(
    "speedup",
    title="Time of every method, and how it grows",
    category="Cost",
    chapter="What does it cost?",
    order=111,
)
def plot_speedup(
    *,
    speed_table: str | Path,
    scaling_table: str | Path,
    machines: Sequence[str | Path],
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw one row per variant: ratios to plain training, and below it growth along every axis measured.

    What each way of scoring costs. Bars: time over the time of plain training (the loop of PyTorch's tutorials) of
    the same model on the same {{ benchmark.samples }} samples for {{ benchmark.epochs }} epochs, right before and
    after it, on a logarithmic axis; median over {{ benchmark.repeats }} turns in one process (what took under 0.4 s
    in a first one is read three times in each), black line: quartiles. One query and all samples, where nothing else
    is said; influence functions look at the final state only, so that their time does not grow with the epochs of the
    training. Hatched: not measured, but continued from a power law that was fitted to at least three measured sizes
    with R² of at least 0.99; black line: 95 % prediction interval. Below: seconds against size, both logarithmic,
    at one pace of the machine: the ratio to plain training times the median of its seconds (P: a perceptron with one
    hidden layer; n: samples tracked by the forward recurrence), the fitted lines and their exponents; open points and
    dotted lines are extrapolated.

    {% if data.name %}Study: {{ data.name }}, {{ model.name }}{% if variants %} and variants{% endif %},
    {{ label_noise }}{% if seeds %}, seed {{ seeds[0] }}{% endif %}.{% endif %}
    """
    needed = [
        "variant",
        "method",
        "axis",
        "queries",
        "tracked",
        "metric",
        "extrapolated",
        "value",
        "low",
        "high",
    ]
    data, laws = (
        read_tidy(speed_table, needed).dropna(subset=["value"]),
        read_tidy(scaling_table, ["variant", "method", "axis", "law", "exponent"]),
    )
    look = style or Style()
    looks = OTHERS | look.methods({*data["method"], *laws["method"]} - set(OTHERS), methods)
    names = list(dict.fromkeys(data["variant"])) or ["base"]
    bars = {name: _bars(data[data["variant"] == name], looks) for name in names}
    tall = max((len(rows) for rows in bars.values()), default=1) * BAR + 0.75
    with drawing(look), matplotlib.rc_context({"hatch.linewidth": 0.7}):
        figure, grid = canvas(
            look.inches("double"), len(names) * (tall + 1.9) + 0.25, 2 * len(names), len(AXES),
            gridspec_kw={"height_ratios": [tall, 1.9] * len(names)},
        )  # fmt: skip
        for number, name in enumerate(names):
            upper, lower = grid[2 * number], grid[2 * number + 1]
            for axes in upper[1:]:
                axes.remove()
            whole, places = upper[0], upper[0].get_gridspec()
            assert places is not None
            whole.set_subplotspec(places[2 * number, :])
            _ratios(whole, bars[name], looks, "" if names == ["base"] else f"{name}: ")
            own, law = data[data["variant"] == name], laws[laws["variant"] == name]
            for axes, axis in zip(lower, AXES, strict=True):
                draw_growth(axes, own, law, axis, looks)
            lower[0].set_ylabel("seconds")
        figure.supxlabel(_machine(machines), fontsize=look.font_size - 1.5, color=FAINT, x=0.01, ha="left")
        save(figure, outputs)


def _bars(data: pd.DataFrame, looks: Mapping[str, MethodStyle]) -> list[dict[str, Any]]:
    """The comparison, and beside it the largest numbers of queries and of tracked samples of a method."""
    ratios = data[(data["metric"] == "ratio_to_plain") & data["axis"].isin([MAIN, "queries", "tracked"])]
    rows: list[dict[str, Any]] = []
    for method in looks:
        own = ratios[ratios["method"] == method]
        main, more = own[own["axis"] == MAIN], own[(own["axis"] != MAIN)]
        chosen = [main, more[more["extrapolated"] == 1]]
        if method in ("hydra_hessian_free", "tracin", "captum_tracincp", "hydra_exact"):
            chosen.append(more[more["queries"] == more["queries"].max()])
        for row in pd.concat(chosen).to_dict("records"):
            text = looks[method].label
            if method.startswith("hydra_forward"):
                text += f", {_count(row['tracked'], 'sample')}"
            elif row["queries"] > 1:
                text += f", {_count(row['queries'], 'query')}"
            rows.append({str(name): cell for name, cell in row.items()} | {"text": text})
    return sorted(rows, key=lambda row: (row["value"], row["text"]))


def _count(number: float, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number:,.0f} {noun if number == 1 else plural}"


def _ratios(axes: Axes, rows: list[dict[str, Any]], looks: Mapping[str, MethodStyle], title: str) -> None:
    text = f"{title}time / time of plain training"
    axes.set_title(text[0].upper() + text[1:] if not title else text)
    if not rows:
        note(axes, "not measured")
        return
    axes.set_xscale("log")
    left = min(row["value"] for row in rows) / 2
    right = max(max(row["value"], row["high"]) for row in rows)
    for line, row in enumerate(rows):
        colour, predicted = looks[row["method"]].colour, row["extrapolated"] == 1
        axes.barh(
            line, row["value"] - left, left=left, height=0.72, linewidth=0.7,
            facecolor="white" if predicted else colour, edgecolor=colour, hatch="/////" if predicted else None,
        )  # fmt: skip
        axes.plot([row["low"], row["high"]], [line, line], color=INK, linewidth=0.9, solid_capstyle="butt")
        text = _ratio(row["value"]) + (" (extrapolated)" if predicted else "")
        axes.annotate(text, (max(row["value"], row["high"]), line), xytext=(3, 0), textcoords="offset points",
                      va="center", fontsize="x-small", color=INK)  # fmt: skip
    axes.axvline(1.0, color=FAINT, linewidth=0.7, linestyle=(0, (3, 2)), zorder=0)
    axes.set_xlim(left, right * (right / left) ** 0.16)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [row["text"] for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _ratio(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _machine(machines: Sequence[str | Path]) -> str:
    """Processor, threads, versions and load in one line."""
    found = [read_machine(path) for path in machines]
    if not found:
        return ""
    first = found[0]
    place = first["processor"] if first["device"] == "cpu" else first["device"]
    loads = ", ".join(f"{m['load_average_before'][0]:g}–{m['load_average_after'][0]:g}" for m in found)
    return (
        f"{place}, {first['threads']} thread{'s' if first['threads'] != 1 else ''} of {first['cores']} cores; PyTorch "
        f"{first['versions']['torch']}; batches of {first['batch_size']}; load average {loads}"
    )
