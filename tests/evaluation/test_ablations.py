"""Values and paired differences by hand, and what a study does not have."""

import math

import pandas as pd
import pytest

from hydra_steps.evaluation.ablations import COLUMNS, evaluate_ablations
from hydra_steps.tables.tidy import make_table, write_table

STUDENT = 4.302652730 / 3**0.5  # half-width of an interval over three seeds, in standard deviations


def table(folder, name, values, query, metric, **keys):
    """Write a table: (variant, method) -> one value per seed."""
    rows = []
    for (variant, method), per_seed in values.items():
        for seed, value in enumerate(per_seed):
            row = {"variant": variant, "run": f"{variant}-seed{seed}", "seed": str(seed), "method": method}
            rows.append(row | {"query": query, "metric": metric, "n": 40, "value": value} | keys)
    write_table(make_table(name, rows), folder / f"{name}.csv")
    return folder / f"{name}.csv"


def lds(folder, values, query="mean_over_queries", design="groups"):
    return table(folder, "counterfactual", values, query, "lds", design=design, fraction=0.02)


def evaluated(folder, paths, reference="plain"):
    result = evaluate_ablations(
        **{f"{path.stem}_table": path for path in paths}, reference=reference, output=folder / "ablations.csv"
    )
    written = pd.read_csv(folder / "ablations.csv", keep_default_na=True)
    assert tuple(written.columns) == COLUMNS
    assert len(written) == len(result)
    return result


def test_values_and_paired_differences_by_hand(tmp_path):
    path = lds(tmp_path, {("plain", "a"): [0.5, 0.6, 0.7], ("fast", "a"): [0.3, 0.41, 0.49]})
    found = evaluated(tmp_path, [path])
    assert found["variant"].tolist() == ["plain", "fast"]  # the reference first
    found = found.set_index("variant")
    plain, fast = found.loc["plain"], found.loc["fast"]
    assert (plain["n"], plain["value"]) == (3, pytest.approx(0.6))
    assert plain["ci_low"] == pytest.approx(0.6 - STUDENT * 0.1)
    assert plain["ci_high"] == pytest.approx(0.6 + STUDENT * 0.1)
    assert math.isnan(plain["difference"])
    # −0.20, −0.19, −0.21: far more certain than the two values, which vary together from seed to seed
    assert (fast["pairs"], fast["difference"]) == (3, pytest.approx(-0.2))
    assert fast["difference_low"] == pytest.approx(-0.2 - STUDENT * 0.01)
    assert fast["difference_high"] == pytest.approx(-0.2 + STUDENT * 0.01)


def test_each_measure_has_its_table_query_and_design(tmp_path):
    values = {("plain", "a"): [0.5, 0.6], ("fast", "a"): [0.4, 0.5]}
    rows = pd.concat(
        pd.read_csv(lds(tmp_path, {k: [x - d for x in v] for k, v in values.items()}, query, design))
        for d, query, design in (
            (0.0, "mean_over_queries", "groups"),
            (0.1, "test_mean", "groups"),
            (0.2, "mean_over_queries", "larger"),
        )
    )
    write_table(rows, tmp_path / "counterfactual.csv")
    paths = [tmp_path / "counterfactual.csv", table(tmp_path, "agreement", values, "test_mean", "spearman")]
    paths.append(table(tmp_path, "detection", values, "validation_mean", "auroc"))
    found = evaluated(tmp_path, paths)
    assert found["metric"].tolist() == ["lds", "spearman", "auroc"] * 2
    assert found["query"].tolist() == ["mean_over_queries", "test_mean", "validation_mean"] * 2
    assert found["value"].tolist() == pytest.approx([0.55] * 3 + [0.45] * 3)


def test_the_only_query_stands_for_the_mean_over_queries(tmp_path):
    found = evaluated(tmp_path, [lds(tmp_path, {("plain", "a"): [0.5]}, query="test_mean")])
    assert found["query"].tolist() == ["test_mean"]


def test_what_a_study_lacks_is_absent(tmp_path):
    assert evaluated(tmp_path, []).empty
    values = {("plain", "a"): [0.5, 0.6], ("fast", "a"): [0.4, 0.5], ("fast", "b"): [0.4, 0.5]}
    found = evaluated(tmp_path, [lds(tmp_path, values)])
    assert set(found["metric"]) == {"lds"}
    alone = found[found["method"] == "b"].squeeze()
    assert alone["variant"] == "fast"
    assert math.isnan(alone["difference"])


def test_one_seed_has_no_interval_and_a_seed_without_value_no_mean(tmp_path):
    one = evaluated(tmp_path, [lds(tmp_path, {("plain", "a"): [0.5], ("fast", "a"): [0.4]})])
    assert one[["ci_low", "ci_high", "difference_low", "difference_high"]].isna().all(axis=None)
    assert one["difference"].iloc[1] == pytest.approx(-0.1)
    diverged = {("plain", "a"): [0.5, 0.6], ("fast", "a"): [0.4, math.nan]}
    row = evaluated(tmp_path, [lds(tmp_path, diverged)]).iloc[1]
    assert row[["value", "ci_low", "difference", "difference_low"]].isna().all()


def test_seeds_are_paired_by_their_number(tmp_path):
    path = lds(tmp_path, {("plain", "a"): [0.1, 0.5, 0.9], ("fast", "a"): [0.2, 0.6, 0.9]})
    rows = pd.read_csv(path, dtype={"seed": str})
    rows = rows[~((rows["variant"] == "plain") & (rows["seed"] == "0"))]
    write_table(rows, path)
    fast = evaluated(tmp_path, [path]).iloc[1]
    assert (fast["n"], fast["pairs"]) == (3, 2)
    assert fast["difference"] == pytest.approx(0.05)
