"""The damping of an influence function, selected on the validation queries and judged on the test queries.

    lds_validation, lds_test    linear datamodelling score, mean over the validation (test) queries and over the seeds,
                                with its interval over the seeds; with fewer than three, of the queries' intervals
                                (mean of their ends: at least as wide as that of the mean)
    chosen                      1 for the damping with the largest lds_validation of its sweep, else 0

One row per variant, sweep and damping. ``effective_damping`` is what was really added to the matrix's diagonal: the
damping and the weight decay. The test queries select nothing. Torch-free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hydra_steps.errors import StudyError
from hydra_steps.registry.decorators import table
from hydra_steps.scoring.store import read_scores
from hydra_steps.tables.layout import Artifact, of_labels
from hydra_steps.tables.seed_intervals import NOWHERE, summary_interval
from hydra_steps.tables.tidy import read_table
from hydra_steps.tables.writing import write_csv

COLUMNS = (
    *("variant", "run", "seed", "method", "label", "damping", "effective_damping"),
    *("lds_validation", "lds_validation_low", "lds_validation_high"),
    *("lds_test", "lds_test_low", "lds_test_high", "chosen"),
)


@table("damping", title="Damping", when="sweeps", settings={"sweeps": "sweeps"}, order=210)
def evaluate_damping(
    *,
    sweeps: Mapping[str, Mapping[str, float]],
    scores: Sequence[Artifact],
    counterfactual_table: str | Path,
    output: str | Path,
) -> pd.DataFrame:
    """Write ``damping.csv``, and return it.

    ``sweeps``: name → label → damping; ``scores``: score folders, those of other labels among them.
    """
    effective: dict[str, float] = {}
    split_of: dict[str, str] = {}
    for artifact in of_labels(scores, [label for labels in sweeps.values() for label in labels]):
        found = read_scores(artifact.path)
        diagnostics = found.attributes.get("diagnostics", {})
        effective[artifact.label] = diagnostics.get("effective_damping", np.nan)
        split_of |= {query.name: query.split for query in found.queries}
    whole = read_table(counterfactual_table)
    lds = whole[(whole["metric"] == "lds") & (whole["design"] == "groups")]
    lds = lds.assign(split=lds["query"].map(split_of))
    if not (lds["split"] == "validation").any():
        raise StudyError(
            "a damping sweep has no validation query to choose by",
            "at least one query on the validation split",
            "add {kind: mean_loss, split: validation} to the study's queries",
        )
    rows = []
    for variant in sorted(set(lds["variant"])):
        for name, labels in sweeps.items():
            own = [
                {"variant": variant, "run": variant, "seed": "all", "method": name, "label": label}
                | {"damping": damping, "effective_damping": effective.get(label, np.nan)}
                | _means(lds[(lds["variant"] == variant) & (lds["method"] == label)])
                for label, damping in sorted(labels.items(), key=lambda item: item[1])
            ]
            measured = [row["lds_validation"] for row in own]
            best = int(np.nanargmax(measured)) if np.isfinite(measured).any() else -1
            rows += [row | {"chosen": int(i == best)} for i, row in enumerate(own)]
    result = pd.DataFrame(rows, columns=list(COLUMNS))
    write_csv(result, output)
    return result


def _means(table: pd.DataFrame) -> dict[str, float]:
    means: dict[str, float] = {}
    for split in ("validation", "test"):
        part = table[table["split"] == split]
        over = part.loc[part["seed"] == "all", "value"]
        means[f"lds_{split}"] = float(over.mean(skipna=False)) if len(over) else float("nan")
        columns = ["value", "ci_low", "ci_high"]
        runs = [own[columns].mean(skipna=False) for _, own in part[part["seed"] != "all"].groupby("seed")]
        ends = np.array(runs, dtype=np.float64).reshape(-1, 3).T
        bounds = summary_interval("lds", *ends) if runs else NOWHERE
        means |= dict(zip((f"lds_{split}_low", f"lds_{split}_high"), bounds, strict=True))
    return means
