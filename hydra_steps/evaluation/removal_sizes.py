"""Predicting removals of several sizes: every method's LDS on each design of random groups, beside the ceiling.

A score is a derivative somewhere, and where it is taken decides which removals it predicts: at w = 1 small ones, at the
middle of a removal those of that size. The rows are those of ``counterfactual.csv`` (metrics ``lds`` and ``ceiling``),
with what the designs are and what the methods were made for beside them:

    fraction   share of the training samples in a group
    truth      ``same_seed``, or ``fresh_seeds`` where the outcomes are means over trainings from other seeds;
               ``same_subset`` and ``fresh_subset`` where the trainings were on the rest alone
    predicts   share that the method was made to predict; 0 is a small group; empty for a ceiling

Torch-free.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.registry.decorators import table
from hydra_steps.tables.tidy import TRAILING, make_table, read_table, write_table

FROM_SEEDS = {False: "same_seed", True: "fresh_seeds"}
ON_SUBSETS = {False: "same_subset", True: "fresh_subset"}


@table(
    "removal_sizes",
    title="Removals of several sizes",
    keys=["design", "fraction", "truth", "predicts"],
    when="len(random_designs) > 1",
    settings={"designs": "random_designs", "predicts": "predicts"},
    order=32,
)
def evaluate_removal_sizes(
    *,
    counterfactual_table: str | Path,
    output: str | Path,
    designs: Mapping[str, Mapping[str, Any]],
    predicts: Mapping[str, float],
) -> None:
    """Write ``removal_sizes.csv``.

    ``designs``: name → ``fraction`` and whether it is ``from_seeds`` and ``on_subsets``, of random groups;
    ``predicts``: label → share.
    """
    data = read_table(counterfactual_table)
    data = data[
        data["metric"].isin(["lds", "ceiling"]) & data["design"].isin(list(designs)) & (data["seed"] != "all")
    ]
    rows = []
    for row in data.to_dict("records"):
        about = {
            name: row[name] for name in ("variant", "run", "seed", "method", "query", "metric", "design")
        }
        design = designs[row["design"]]
        own = {
            "fraction": design["fraction"],
            "truth": (ON_SUBSETS if design["on_subsets"] else FROM_SEEDS)[bool(design["from_seeds"])],
            "predicts": predicts.get(row["method"], np.nan),
        }
        rows.append(about | own | {name: row[name] for name in TRAILING if name != "sd_seeds"})
    write_table(make_table("removal_sizes", rows), output)
