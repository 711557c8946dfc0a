"""``summary.json``: what an audit found, in numbers that a program reads; and whether the labels are good enough."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd

from hydra_steps.errors import StudyError
from hydra_steps.json_files import write_whole


def summarise(numbers: pd.DataFrame, proof: pd.DataFrame | None, version: str) -> dict[str, Any]:
    """Return the summary of ``audit_numbers.csv``, of ``audit_proof.csv`` where there are decisions, and of the
    ``version`` of the data."""
    found = {str(row["metric"]): _measure(row) for _, row in numbers.iterrows()}
    summary: dict[str, Any] = {
        "data_version": version,
        "samples": int(numbers["n"].iloc[0]),
        "method": str(numbers["method"].iloc[0]),
        **found,
    }
    if proof is not None:
        real = proof[(proof["method"] == "") & proof["metric"].str.startswith("change_test")]
        forms = dict.fromkeys(real["form"])
        summary["proof"] = {
            form: {str(row["metric"]): _measure(row) for _, row in real[real["form"] == form].iterrows()}
            for form in forms
        }
    return summary


def write_summary(summary: dict[str, Any], path: str | Path) -> None:
    """Write it as JSON, whole or not at all."""
    write_whole(Path(path), json.dumps(summary, indent=2) + "\n")


def too_many_wrong(path: str | Path, most: float) -> str:
    """Return a sentence where the estimated share of wrong labels in ``summary.json`` is above ``most``, else an empty
    one.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        share, samples, number = found["wrong_share"], found["samples"], found["wrong_labels"]["value"]
        value, low, high = (float(share[key]) for key in ("value", "low", "high"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudyError(
            f"{path} is no summary of an audit: {error}", "summary.json of a finished audit", "run the audit"
        ) from error
    if value <= most:
        return ""
    return (
        f"about {number:,.0f} of {samples:,} labels are wrong, {value:.2%} (95 % interval {low:.2%} to {high:.2%}); "
        f"at most {most:.2%} are allowed"
    )


def _measure(row: Any) -> dict[str, float | None]:
    """A value with its interval; None where there is none."""
    cells = {
        name: float(row[column])
        for name, column in (("value", "value"), ("low", "ci_low"), ("high", "ci_high"))
    }
    return {name: None if math.isnan(cell) else cell for name, cell in cells.items()}
