"""From the timing study's clock readings to ratios, growth, and what may be predicted.

``speed.csv``, one row per contestant, size and metric:

- ``ratio_to_plain``: median over readings of seconds(contestant) / seconds(plain training right before and after it)
- ``seconds``: median over readings
- ``bytes_stored``: what must be kept from the training for it
- ``peak_memory_bytes``: what it needed at its peak beyond what was there before
- ``times_<method>``: how many times longer than that method, on the same training

``low`` and ``high`` are the quartiles over readings (not a confidence interval). ``extrapolated`` is 1 for values
that were not measured but predicted by a line (:mod:`hydra_steps.benchmark.scaling`); their ``low`` and ``high`` are
its 95 % prediction interval. Measured, hence not the same bytes in every run; and of one run per variant, hence no
rows over seeds.

``scaling.csv`` has the fits: seconds ≈ intercept + coefficient · size^exponent. ``law`` is ``power`` (intercept 0;
``low`` and ``high`` bound the exponent) or ``line`` (exponent 1), which predicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydra_steps.benchmark.pace import KEYS, PLAIN, SIZE, at_one_pace
from hydra_steps.benchmark.scaling import Line, Power, extrapolate, fit_line, fit_power
from hydra_steps.csv_files import read_csv
from hydra_steps.errors import StudyError
from hydra_steps.registry.decorators import table
from hydra_steps.tables.layout import Artifact

MAIN, RECORD = "main", "record"
READ = ["contestant", *KEYS[1:]]  # the same in the readings
SPEED = ["variant", "run", *KEYS, "metric", "extrapolated", "n", "value", "low", "high"]
SCALING = ["variant", "run", "method", "axis", "law", "points", "smallest", "largest", "exponent"]
SCALING += ["low", "high", "intercept", "coefficient", "r_squared"]
FORWARD = ("hydra_forward", "hydra_forward_hessian_free")
REVERSE = ("hydra_exact", "hydra_hessian_free")


@table(
    "speed",
    title="Speed",
    settings={"all_samples": "benchmark.all_samples"},
    also=["scaling.csv"],
    target="benchmark",
    clock=True,
    order=220,
)
def describe_speed(
    readings: Sequence[Artifact],
    memory: Sequence[Artifact],
    all_samples: int,
    output: str | Path,
    scaling: str | Path,
) -> None:
    """Write the two tables from the files of ``time_scoring``, ``…/runs/<run>/timing/seconds.csv`` and
    ``memory.csv``.

    The forward recurrence is extrapolated to ``all_samples`` tracked samples where its fit allows it. Raises
    :class:`StudyError` for readings without plain training.
    """
    values: list[pd.DataFrame] = []
    fits: list[dict[str, object]] = []
    for artifact, used in zip(readings, memory, strict=True):
        where = artifact.run
        about = {"variant": where.variant, "run": where.name}
        measured = measure(read_csv(artifact.path), str(artifact.path))
        laws, lines = growth(measured)
        parts = [measured, _memory(read_csv(used.path)), predicted(measured, lines, all_samples)]
        values += [part.assign(**about) for part in parts if len(part)]
        found = [({"method": method, "axis": axis}, _power(law)) for (method, axis), law in laws.items()]
        found += [({"method": method, "axis": "tracked"}, _line(law)) for method, law in lines.items()]
        fits += [about | what | law for what, law in found]
    _write(pd.concat(values), SPEED, output)
    _write(pd.DataFrame(fits, columns=SCALING), SCALING, scaling)


def measure(readings: pd.DataFrame, source: str = "the table") -> pd.DataFrame:
    """``seconds`` and ``ratio_to_plain`` of every contestant and size: medians and quartiles over readings."""
    if PLAIN not in set(readings["contestant"]):
        raise StudyError(f"{source} has no readings of {PLAIN}", fix="measure again")
    rows = []
    for key, part in readings.groupby(READ, sort=True):
        metrics = {"seconds": part["seconds"], "ratio_to_plain": part["seconds"] / part["plain_seconds"]}
        for metric, found in metrics.items():
            if found.notna().all():
                low, median, high = np.quantile(found, [0.25, 0.5, 0.75])
                rows.append(_key(key) | _value(metric, median, low, high, len(found)))
    return pd.DataFrame(rows)


def growth(measured: pd.DataFrame) -> tuple[dict[tuple[str, str], Power], dict[str, Line]]:
    """The power law of every method along every axis on which it was measured at two sizes or more; and the line of
    every method along ``tracked``, which is to be continued.

    The comparison's own size belongs to each axis but ``parameters``, which has another model.
    """
    laws: dict[tuple[str, str], Power] = {}
    lines: dict[str, Line] = {}
    seconds = at_one_pace(measured)
    for axis in sorted(set(seconds["axis"]) - {MAIN, RECORD}):
        column = axis
        along = seconds[seconds["axis"] == axis]
        own = seconds[(seconds["axis"] == MAIN) & (axis != "parameters")]
        for method in sorted(set(along["method"])):
            series = pd.concat([part[part["method"] == method] for part in (along, own)])
            series = series.drop_duplicates(column)
            if len(series) > 1:
                sizes, values = series[column].tolist(), series["value"].tolist()
                laws[method, axis] = fit_power(sizes, values)
                if axis == "tracked":
                    lines[method] = fit_line(sizes, values)
    return laws, lines


def predicted(measured: pd.DataFrame, lines: dict[str, Line], all_samples: int) -> pd.DataFrame:
    """The forward recurrence with all samples tracked, and how many times longer than the reverse sweeps it takes."""
    main = measured[measured["axis"] == MAIN]
    seconds = at_one_pace(main).set_index("method")["value"]
    rows = []
    for method in FORWARD:
        line = lines.get(method)
        if line is None or not line.trusted or all_samples <= line.largest:
            continue
        key: dict[str, Any] = {"method": method, "axis": "tracked", "queries": 1, "tracked": all_samples}
        key |= {column: int(main[column].iloc[0]) for column in SIZE}
        value, low, high = extrapolate(line, all_samples)
        against = {"seconds": 1.0}
        names = {PLAIN: "ratio_to_plain"} | {other: f"times_{other}" for other in REVERSE}
        against |= {metric: float(seconds[name]) for name, metric in names.items() if name in seconds.index}
        for metric, unit in against.items():
            row = key | _value(metric, value / unit, low / unit, high / unit, line.points)
            rows.append(row | {"extrapolated": 1})
    return pd.DataFrame(rows)


def _memory(used: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for row in used.to_dict("records"):
        key = _key(tuple(row[column] for column in READ))
        for metric in ("bytes_stored", "peak_memory_bytes"):
            rows.append(key | _value(metric, row[metric], np.nan, np.nan, 1))
    return pd.DataFrame(rows)


def _key(values: Sequence[object]) -> dict[str, object]:
    return dict(zip(KEYS, values, strict=True))


def _value(metric: str, value: float, low: float, high: float, n: int) -> dict[str, object]:
    return {"metric": metric, "extrapolated": 0, "n": n, "value": value, "low": low, "high": high}


def _power(law: Power) -> dict[str, object]:
    return {"law": "power", "intercept": 0.0} | asdict(law)


def _line(line: Line) -> dict[str, object]:
    bounds = {"points": line.points, "smallest": line.smallest, "largest": line.largest}
    values = {"intercept": line.fixed, "coefficient": line.each, "r_squared": line.r_squared}
    return {"law": "line", "exponent": 1.0} | bounds | values


def _write(table: pd.DataFrame, columns: list[str], path: str | Path) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    table = table[columns].sort_values([c for c in columns if c not in ("value", "low", "high", "n")])
    table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
