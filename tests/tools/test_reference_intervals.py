"""Intervals over seeds from committed tables: what a study would write, and nothing else changed."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd

from hydra_steps.csv_files import read_csv
from hydra_steps.tables.tidy import make_table, write_table
from tests.workflow.conftest import ROOT
from tools.reference_intervals import renew, renewed


def written(path: Path, seeds: int) -> pd.DataFrame:
    random = np.random.default_rng(0)
    rows = []
    for seed in range(seeds):
        for query in ("test_mean", "test_sample_1"):
            about = {"variant": "base", "run": f"base-seed{seed}", "seed": str(seed), "method": "m"}
            about |= {"query": query, "design": "groups", "fraction": 0.1, "n": 8}
            ends = {"ci_low": -0.5, "ci_high": 0.5}
            rows.append(about | ends | {"metric": "lds", "value": 1 - random.uniform() / 5})
            rows.append(about | ends | {"metric": "slope", "value": random.normal()})
            rows.append(about | {"metric": "intercept", "value": random.normal()})  # has no interval
            rows.append(about | ends | {"metric": "pearson", "value": seed or math.nan})  # not defined in one
    write_table(make_table("counterfactual", rows), path)
    return read_csv(path, dtype=str, missing=())


def test_what_a_study_writes_is_found_again(tmp_path: Path) -> None:
    table = written(tmp_path / "counterfactual.csv", 4)
    former = table.copy()
    over = (former["seed"] == "all") & (former["ci_low"] != "")
    assert over.sum() == 4
    former.loc[over, ["ci_low", "ci_high"]] = "0.123"
    found = renewed(former, 4)
    for column in table.columns:
        if column.startswith("ci_"):
            assert np.allclose(
                pd.to_numeric(found[column]), pd.to_numeric(table[column]), 1e-8, equal_nan=True
            )
        else:
            assert (found[column] == table[column]).all()
    assert (found.loc[found["metric"] == "lds", "ci_high"].astype(float) <= 1).all()


def test_only_references_of_three_seeds_change_and_only_once(tmp_path: Path) -> None:
    for seeds, changed in ((2, {}), (3, {"counterfactual.csv": 4})):
        folder = tmp_path / str(seeds)
        path = folder / "tables" / "counterfactual.csv"
        table = written(path, seeds)
        former = table.copy()
        former.loc[former["ci_low"] != "", "ci_low"] = "0.123"
        path.write_text(former.to_csv(index=False, lineterminator="\n"), encoding="utf-8")
        (folder / "config.yaml").write_text(f"seeds: {list(range(seeds))}\n", encoding="utf-8")
        assert renew(folder) == changed
        found = read_csv(path, dtype=str, missing=())
        assert (
            found.loc[found["seed"] != "all", "ci_low"] != table.loc[found["seed"] != "all", "ci_low"]
        ).any()
        assert renew(folder) == {}


def test_the_committed_references_are_current(tmp_path: Path) -> None:
    tried = 0
    for path in (ROOT / "results" / "reference").glob("*/tables/*.csv"):
        table = read_csv(path, dtype=str, missing=())
        if {"seed", "sd_seeds", "ci_low"} <= set(table.columns) and path.parts[-3] in (
            "mnist",
            "fashion_mnist",
        ):
            again = renewed(table, 3)
            low, old = (pd.to_numeric(each["ci_low"]) for each in (again, table))
            assert np.allclose(low, old, rtol=1e-6, atol=1e-8, equal_nan=True), path
            tried += 1
    assert tried > 10
