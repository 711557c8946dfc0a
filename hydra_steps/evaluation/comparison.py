"""All methods of a study side by side: one row per variant and method, means over the seeds.

    lds, lds_low, lds_high       linear datamodelling score, mean over the queries, with its interval
    loo_slope                    real over predicted change when one sample is left out (1 for a perfect score)
    auroc, average_precision, found_10, found_30     detection of wrong labels by the validation loss's contributions
    seconds, ratio_to_training, peak_memory_mb       as the scoring jobs measured themselves
    status                       ``scored``, or in how many runs the method diverged or did not suit the data

The measured cost is the clock's, so this table differs from run to run. A cell that is not defined is empty.
Torch-free. ``python -m hydra_steps.evaluation.comparison <csv>`` prints the table.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hydra_steps.csv_files import read_csv
from hydra_steps.evaluation.statuses import over_seeds
from hydra_steps.queries.query import Query
from hydra_steps.registry.decorators import table
from hydra_steps.scoring.store import read_scores
from hydra_steps.tables.layout import Artifact
from hydra_steps.tables.queries import ALL_QUERIES, Queries
from hydra_steps.tables.tidy import read_table
from hydra_steps.tables.writing import write_csv

COLUMNS = (
    *("variant", "run", "seed", "method", "status", "unit", "lds", "lds_low", "lds_high", "loo_slope"),
    *("auroc", "average_precision", "found_10", "found_30", "seconds", "ratio_to_training", "peak_memory_mb"),
)

_logger = logging.getLogger(__name__)


@table("comparison", title="Comparison", when="comparison", clock=True, order=200)
def compare_methods(
    *,
    scores: Sequence[Artifact],
    counterfactual_table: str | Path,
    detection_table: str | Path,
    timing_table: str | Path,
    output: str | Path,
) -> pd.DataFrame:
    """Write ``comparison.csv`` from score folders and the study's tables, say it as text, and return it."""
    said: dict[tuple[str, str], list[tuple[str, str]]] = {}
    asked: list[Query] = []
    for artifact in scores:
        found = read_scores(artifact.path)
        asked += found.queries
        attributes = found.attributes
        key = artifact.run.variant, artifact.label
        said.setdefault(key, []).append((str(attributes.get("status", "scored")), str(attributes["unit"])))
    tables = [read_table(path) for path in (counterfactual_table, detection_table, timing_table)]
    queries = Queries(asked)
    rows = [
        {
            "variant": variant,
            "run": variant,
            "seed": "all",
            "method": method,
            "status": over_seeds([status for status, _ in statuses]),
            "unit": statuses[0][1],
        }
        | _measured(*(t[(t["variant"] == variant) & (t["method"] == method)] for t in tables), asked=queries)
        for (variant, method), statuses in said.items()
    ]
    result = pd.DataFrame(rows, columns=list(COLUMNS))
    write_csv(result, output, digits=6)
    _logger.info("%s", table_text(result))
    return result


def table_text(table: pd.DataFrame) -> str:
    """The table in columns of text, one block per variant, the best LDS first; its status where a method has none."""
    blocks = []
    for variant, part in table.groupby("variant", sort=False):
        part = part.sort_values("lds", ascending=False, na_position="last", kind="stable")
        shown = pd.DataFrame({"method": part["method"]})
        shown["LDS"] = [_interval(*row) for row in part[["lds", "lds_low", "lds_high"]].to_numpy()]
        names = (
            "loo_slope",
            "auroc",
            "average_precision",
            "found_10",
            "found_30",
            "seconds",
            "ratio_to_training",
        )
        for name in names:
            shown[name] = ["" if np.isnan(x) else f"{x:.3g}" for x in part[name]]
        missing = part["status"] != "scored"
        shown.loc[missing, "LDS"] = part.loc[missing, "status"]
        blocks.append(f"{variant}\n{shown.to_string(index=False)}")
    return "\n\n".join(blocks)


def _measured(
    counterfactual: pd.DataFrame, detection: pd.DataFrame, timing: pd.DataFrame, *, asked: Queries
) -> dict[str, float]:
    """The numbers of one method on one variant, from the summary rows of the three tables."""
    counterfactual, detection, timing = (t[t["seed"] == "all"] for t in (counterfactual, detection, timing))
    queries = set(counterfactual["query"])
    query = ALL_QUERIES if ALL_QUERIES in queries else min(queries, default="")
    groups = counterfactual[(counterfactual["query"] == query) & (counterfactual["metric"] == "lds")]
    groups = groups.sort_values("design", key=lambda names: names != "groups", kind="stable").head(1)
    single = set(counterfactual.loc[counterfactual["metric"] == "loo_spearman", "design"])
    slopes = counterfactual[(counterfactual["metric"] == "slope") & (counterfactual["query"] == query)]
    detection = detection[detection["query"] == asked.detection(detection["query"])]
    found = detection[detection["metric"] == "found_in_inspected"].set_index("fraction")["value"]
    return {
        "lds": _one(groups["value"]),
        "lds_low": _one(groups["ci_low"]),
        "lds_high": _one(groups["ci_high"]),
        "loo_slope": _one(slopes.loc[slopes["design"].isin(single), "value"]),
        **{m: _one(detection.loc[detection["metric"] == m, "value"]) for m in ("auroc", "average_precision")},
        "found_10": _one(found[np.isclose(found.index.to_numpy(float), 0.1)]),
        "found_30": _one(found[np.isclose(found.index.to_numpy(float), 0.3)]),
        **{m: _one(timing.loc[timing["metric"] == m, "value"]) for m in ("seconds", "ratio_to_training")},
        "peak_memory_mb": _one(timing.loc[timing["metric"] == "peak_memory_bytes", "value"]) / 1e6,
    }


def _one(values: pd.Series) -> float:
    return float(values.iloc[0]) if len(values) else float("nan")


def _interval(value: float, low: float, high: float) -> str:
    if np.isnan(value):
        return ""
    return f"{value:.3f}" if np.isnan(low) else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m hydra_steps.evaluation.comparison",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("table", type=Path, help="the table comparison.csv of a study")
    table = parser.parse_args().table
    if not table.is_file():
        parser.error(f"there is no file {table}")
    print(table_text(read_csv(table)))


if __name__ == "__main__":
    main()
