"""What all made-up tables share: runs, methods and their quality, the columns, the mean over seeds, the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from hydra_steps.tables.queries import write_queries_table
from tests.helpers.queries import queries_named

LEADING = ["variant", "run", "seed", "method", "query", "metric"]
TRAILING = ["n", "value", "ci_low", "ci_high", "sd_seeds"]
METHODS = (
    "hydra_exact",
    "hydra_gauss_newton",
    "hydra_hessian_free",
    "influence_cg",
    "gradient_product",
    "final_loss",
    "random",
)
WITH_UNIT = METHODS[:5]
QUERIES = ("test_mean", "test_sample_3", "test_sample_17", "test_sample_40", "validation_mean")
# rank correlation with exact, LDS, AUROC: about what a smooth LeNet-5 on MNIST gives
QUALITY = {
    "hydra_exact": (1.0, 0.995, 0.904),
    "hydra_gauss_newton": (0.93, 0.95, 0.870),
    "hydra_hessian_free": (0.35, 0.45, 0.697),
    "influence_cg": (0.71, 0.66, 0.886),
    "gradient_product": (0.40, 0.50, 0.74),
    "final_loss": (-0.20, -0.1, 0.98),
    "random": (0.0, 0.0, 0.5),
}


class Writing:
    """Runs × methods of a study that never was; each table is one method of a class below it, which returns its path.

    The random numbers go on from table to table: the same calls in the same order give the same bytes.
    """

    def __init__(
        self, folder: Path, seeds=(0, 1), methods=METHODS, variants=("base",), queries=QUERIES
    ) -> None:
        self.folder, self.seeds, self.methods = folder, seeds, methods
        self.variants, self.asked = variants, queries
        self.random = np.random.default_rng(7)
        self.quality = {name: QUALITY.get(name, (0.5, 0.5, 0.7)) for name in methods}

    def queries(self) -> Path:
        path = self.folder / "queries.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_queries_table(queries_named(self.asked), path)
        return path

    def _runs(self):
        for variant in self.variants:
            for seed in self.seeds:
                yield {"variant": variant, "run": f"{variant}-seed{seed}", "seed": str(seed)}

    def _ci(self, metric: str, value: float, half: float) -> dict:
        return {
            "metric": metric,
            "value": value,
            "ci_low": max(value - half, -1),
            "ci_high": min(value + half, 1),
        }

    def _write(self, name: str, rows: list[dict], keys: list[str]) -> Path:
        table = pd.DataFrame(rows, columns=[*LEADING, *keys, *TRAILING])
        for column in ("method", "query"):
            table[column] = table[column].astype(object).where(table[column].notna(), "")
        by = ["variant", "method", "query", "metric", *keys]
        grouped = table.groupby(by, dropna=False, sort=True)
        summary = grouped.agg(
            n=("n", "min"),
            value=("value", "mean"),
            ci_low=("ci_low", "mean"),
            ci_high=("ci_high", "mean"),
            sd_seeds=("value", "std"),
        ).reset_index()
        summary["run"], summary["seed"] = summary["variant"], "all"
        return self._save(name, pd.concat([table, summary])[table.columns])

    def _save(self, name: str, table: pd.DataFrame) -> Path:
        path = self.folder / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(path, index=False, float_format="%.10g", lineterminator="\n")
        return path
