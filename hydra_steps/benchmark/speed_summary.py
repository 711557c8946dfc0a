"""The timing study in words and tables for a reader: targets, the comparison, growth, what was predicted, the machine.

Written as Markdown. A target that was not measured or not predicted says so; none is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from hydra_steps.csv_files import read_csv
from hydra_steps.json_files import NUMBER, TEXT, object_of, read_json

MAIN = "main"
TARGETED = "lenet5"  # the models whose targets these are


@dataclass(frozen=True)
class Target:
    """``metric`` of ``method`` with ``queries``, at most or at least ``bound``; a ratio is divided by ``per``.

    ``against``: instead of a metric, the seconds of that method over the seconds of ``method``.
    """

    name: str
    method: str
    bound: float
    metric: str = "ratio_to_plain"
    queries: int | None = None
    per: float = 1.0
    at_least: bool = False
    against: str = ""


TARGETS = (
    Target("training with full dump", "training_keep_all", 1.05),
    Target("our training loop without dump", "training", 1.0),
    Target("exact reverse, one query", "hydra_exact", 2.0, queries=1),
    Target("Gauss–Newton reverse, one query", "hydra_gauss_newton", 1.5, queries=1),
    Target("Hessian-free, one query", "hydra_hessian_free", 0.7, queries=1),
    Target("Hessian-free, per query at 64 queries", "hydra_hessian_free", 0.1, queries=64, per=64),
    Target("exact reverse, times faster than forward, all samples", "hydra_forward", 1e4, "times_hydra_exact",
           at_least=True),
    Target("Hessian-free, times faster than forward, all samples", "hydra_forward", 971, "times_hydra_hessian_free",
           at_least=True),
    Target("TracIn, times faster than captum's, one query", "tracin", 2, queries=1, at_least=True,
           against="captum_tracincp"),
)  # fmt: skip


LOADS = {"type": "array", "items": NUMBER, "minItems": 1}
MACHINE = {
    **{name: TEXT for name in ("model", "processor", "device")},
    **{name: NUMBER for name in ("batch_size", "cores", "threads")},
    "versions": object_of({"torch": TEXT}),
    **{name: LOADS for name in ("load_average_before", "load_average_after")},
    "left_out": {"type": "array", "items": {"type": "array", "minItems": 8, "maxItems": 8}},
}


def summarise_speed(
    speed: str | Path, scaling: str | Path, machines: Mapping[str, str | Path], output: str | Path
) -> None:
    """Write the summary of ``speed.csv``, ``scaling.csv`` and the ``machine.json`` of each run to ``output``."""
    table, laws = read_csv(speed), read_csv(scaling)
    lines = ["# Timing study", ""]
    for run, path in machines.items():
        machine = read_machine(path)
        own = table[table["run"] == run]
        lines += [f"## {run}: {machine['model']}", "", *_machine(machine), ""]
        lines += [
            *_targets(own, machine["model"].startswith(TARGETED)),
            "",
            *_comparison(own),
            "",
            *_growth(laws[laws["run"] == run]),
            "",
        ]
        lines += _left_out(machine)
    Path(output).write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def read_machine(path: str | Path) -> dict[str, Any]:
    """Read what a timing study says of the machine that it ran on."""
    return read_json(path, MACHINE, f"delete {Path(path).parent} and run the timing study again")


def _machine(machine: Mapping[str, Any]) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    before, after = machine["load_average_before"][0], machine["load_average_after"][0]
    text = [
        f"{machine['processor']} with {machine['cores']} cores, device {machine['device']}, "
        f"{machine['threads']} thread(s); {versions}; batches of {machine['batch_size']}; "
        f"load average {before} before and {after} after. "
        "Ratios are to plain `torch.optim` training of the same model on the same batches, right before "
        "and after; in brackets the quartiles."
    ]
    if "tracin_against_captum" in machine:
        difference = machine["tracin_against_captum"]
        text.append(f"Our TracIn and captum's differ by {difference:.1e} of the largest contribution.")
    return text


def _targets(table: pd.DataFrame, judged: bool) -> Iterator[str]:
    """What was measured of the targets; another model than theirs is not ``judged`` by them."""
    of_whom = "" if judged else ", for comparison"
    yield f"| target (LeNet-5, batch 64, one thread{of_whom}) | bound | measured | |"
    yield "|---|---|---|---|"
    for target in TARGETS:
        found = _against(table, target) if target.against else _found(table, target)
        sign = "≥" if target.at_least else "≤"
        if found is None:
            yield f"| {target.name} | {sign} {target.bound:,g} | not measured | |"
            continue
        value, low, high, predicted = found
        met = value >= target.bound if target.at_least else value <= target.bound
        marks = ["extrapolated"] * predicted + ["met" if met else "**missed**"] * judged
        measured = f"{_short(value)} ({_short(low)}–{_short(high)})"
        yield f"| {target.name} | {sign} {target.bound:,g} | {measured} | {', '.join(marks)} |"


def _found(table: pd.DataFrame, target: Target) -> tuple[float, float, float, bool] | None:
    rows = table[(table["method"] == target.method) & (table["metric"] == target.metric)]
    if target.queries is not None:
        rows = rows[rows["queries"] == target.queries]
    if target.metric == "ratio_to_plain":
        rows = rows[rows["axis"].isin([MAIN, "queries"]) & (rows["extrapolated"] == 0)]
    if rows.empty:
        return None
    row = rows.iloc[0]
    value, low, high = (float(row[name]) / target.per for name in ("value", "low", "high"))
    return value, low, high, bool(row["extrapolated"])


def _against(table: pd.DataFrame, target: Target) -> tuple[float, float, float, bool] | None:
    """The ratio of two contestants' ratios to plain training: of medians, and the widest of their quartiles."""
    theirs = _found(table, Target("", target.against, 0, queries=target.queries))
    ours = _found(table, Target("", target.method, 0, queries=target.queries))
    if theirs is None or ours is None:
        return None
    return theirs[0] / ours[0], theirs[1] / ours[2], theirs[2] / ours[1], False


def _comparison(table: pd.DataFrame) -> Iterator[str]:
    yield "| contestant | queries | tracked | seconds | ratio to plain | per query | stored | peak memory | |"
    yield "|---|---|---|---|---|---|---|---|---|"
    chosen = table[table["axis"].isin([MAIN, "queries", "tracked"])]
    keys = ["method", "queries", "tracked", "extrapolated"]
    cells = chosen.pivot_table(index=keys, columns="metric", values="value", aggfunc="first").reset_index()
    bounds = chosen[chosen["metric"] == "ratio_to_plain"].set_index(keys)
    for row in cells.sort_values(["extrapolated", "method", "queries", "tracked"]).to_dict("records"):
        key = tuple(row[name] for name in keys)
        ratio = ""
        if key in bounds.index:
            own = bounds.loc[[key]].iloc[0]
            ratio = f"{_short(own['value'])} ({_short(own['low'])}–{_short(own['high'])})"
        per = _short(row["ratio_to_plain"] / row["queries"]) if row["queries"] > 1 else ""
        stored, peak = (_bytes(row.get(name)) for name in ("bytes_stored", "peak_memory_bytes"))
        tracked = f"{row['tracked']:,}" if row["tracked"] else ""
        mark = "extrapolated" if row["extrapolated"] else ""
        yield (
            f"| {row['method']} | {row['queries'] or ''} | {tracked} | {row['seconds']:.3g} | {ratio} | {per} "
            f"| {stored} | {peak} | {mark} |"
        )


def _growth(laws: pd.DataFrame) -> Iterator[str]:
    yield "Growth: seconds ∝ sizeᵏ, fitted to the medians."
    yield ""
    yield "| contestant | in | k (95 %) | R² | sizes |"
    yield "|---|---|---|---|---|"
    for row in laws[laws["law"] == "power"].to_dict("records"):
        bounds = f" ({row['low']:.2f}–{row['high']:.2f})" if row["points"] > 2 else ""
        exponent = f"{row['exponent']:.2f}{bounds}"
        yield f"| {row['method']} | {row['axis']} | {exponent} | {row['r_squared']:.4f} | {_sizes(row)} |"
    lines = laws[laws["law"] == "line"].to_dict("records")
    if lines:
        yield ""
        yield "Continued where R² is at least 0.99: seconds = a + b · size, fitted to the medians at the largest sizes."
        yield ""
        yield "| contestant | in | a, seconds | b, seconds | R² | sizes |"
        yield "|---|---|---|---|---|---|"
    for row in lines:
        values = f"{row['intercept']:.3g} | {row['coefficient']:.3g} | {row['r_squared']:.4f}"
        yield f"| {row['method']} | {row['axis']} | {values} | {_sizes(row)} |"


def _sizes(row: Mapping[Any, Any]) -> str:
    return f"{row['points']}, {row['smallest']:,.0f}–{row['largest']:,.0f}"


def _left_out(machine: Mapping[str, Any]) -> Iterator[str]:
    entries = [
        f"{name} ({queries} queries, {tracked} tracked, {axis}: {seconds:.0f} s)"
        for name, axis, queries, tracked, _, _, _, seconds in machine["left_out"]
    ]
    if entries:
        yield f"Left out, over the time budget: {'; '.join(entries)}."
        yield ""


def _short(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 0.1 else f"{value:.2f}"


def _bytes(value: Any) -> str:
    if value is None or pd.isna(value):
        return ""
    return f"{value / 1e6:,.1f} MB"
