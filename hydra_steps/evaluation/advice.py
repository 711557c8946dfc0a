"""Whether the training map is smooth enough for derivatives, from all that the study knows about it.

    sign_agreement        of two steps of the data weights in a row, over the final parameters: 1 smooth, 0 anywhere
    small_step_error      relative error of exact HyDRA's prediction at the smallest step, median over the queries
    whole_step_error      the same at the largest
    sweep_growth          the largest norm of exact HyDRA's cotangent on its way back, over that at the end
    ceiling               of a score against removals with the same seed, where the truth was drawn twice
    kink                  1 for each kind of layer (``given``) whose slope jumps
    verdict               0 smooth, 1 smooth for small changes only, 2 not smooth, 3 not smooth and chaotic

Chaotic: two draws of the truth by a hair apart disagree, or the steps of the parameters do. Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydra_steps.csv_files import read_csv
from hydra_steps.evaluation.smoothness import TRUSTED, relative_error
from hydra_steps.registry.decorators import table
from hydra_steps.scoring.store import read_scores
from hydra_steps.tables.layout import Artifact
from hydra_steps.tables.queries import ALL_QUERIES
from hydra_steps.tables.tidy import make_table, read_table, write_table

WHOLE = 0.5  # relative error up to which a whole removal is predicted, too
TOGETHER = 0.5  # sign agreement from which on steps go the same way
BEARS = 0.9  # ceiling from which on a truth is worth comparing with


@table(
    "advice",
    title="Advice on smoothness",
    keys=["given"],
    when="'hydra_exact' in used",
    settings={"exact": "label_of['hydra_exact']"},
    order=72,
)
def advise_on_smoothness(
    *,
    smoothness: Sequence[Artifact],
    scores: Sequence[Artifact],
    counterfactual_table: str | Path,
    output: str | Path,
    exact: str,
) -> None:
    """Write ``advice.csv``; ``exact``: the label of exact HyDRA."""
    growth = {a.run: _growth(a) for a in scores if a.label == exact}
    truths = read_table(counterfactual_table)
    truths = truths[(truths["metric"] == "ceiling") & (truths["design"] == "groups")]
    rows: list[dict[str, Any]] = []
    for artifact in smoothness:
        run, points = artifact.run, read_csv(artifact.path)
        own = truths[truths["run"] == run.name]
        own = own[own["query"] == ALL_QUERIES] if ALL_QUERIES in set(own["query"]) else own
        measured = {
            "sign_agreement": float(points.drop_duplicates("group")["sign_agreement"].mean()),
            "small_step_error": _error(points, points["step"].min()),
            "whole_step_error": _error(points, points["step"].max()),
            "sweep_growth": growth.get(run, np.nan),
            "ceiling": float(own["value"].mean()) if len(own) else np.nan,
        }
        measured["verdict"] = float(verdict(**{k: v for k, v in measured.items() if k != "sweep_growth"}))
        about = run.columns | {"method": exact, "n": points["group"].nunique()}
        rows += [about | {"metric": name, "value": value} for name, value in measured.items()]
        for kink in sorted({k for text in points["kinks"].dropna() for k in str(text).split(";")}):
            rows.append(about | {"metric": "kink", "given": kink, "value": 1.0})
    write_table(make_table("advice", rows), output)


def verdict(sign_agreement: float, small_step_error: float, whole_step_error: float, ceiling: float) -> int:
    """0 smooth, 1 smooth for small changes only, 2 not smooth, 3 chaotic; what was not measured says nothing.

    >>> verdict(0.99, 0.01, 0.2, float("nan"))
    0
    """
    if small_step_error <= TRUSTED:
        return 1 if whole_step_error > WHOLE else 0
    return 3 if sign_agreement < TOGETHER or ceiling < BEARS else 2


def _error(points: pd.DataFrame, step: float) -> float:
    parts = points[points["step"] == step].groupby("query", sort=True)
    return float(
        np.median([relative_error(p["predicted"].to_numpy(), p["real"].to_numpy()) for _, p in parts])
    )


def _growth(artifact: Artifact) -> float:
    """The largest growth of the sweep over the queries; NaN where none is known."""
    found = read_scores(artifact.path).attributes.get("diagnostics", {}).get("sweep_growth", {})
    known = [float(value) for value in found.values() if value is not None]
    return max(known, default=float("nan"))
