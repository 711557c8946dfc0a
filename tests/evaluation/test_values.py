"""Values compared with sampled ones: correlations, sums, the truth's own error, cost, and the sentence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hydra_steps.config.resolve import resolve_study
from hydra_steps.evaluation.values import evaluate_values
from hydra_steps.plan.tables import plan_tables
from hydra_steps.report.values import values as sentences
from hydra_steps.scoring.store import write_scores
from hydra_steps.tables.queries import ALL_QUERIES
from hydra_steps.tables.tidy import read_table
from tests.helpers.artifacts import located
from tests.helpers.queries import queries_named
from tests.helpers.variant_tables import variant_tables

QUERIES = ("test_sample_0", "test_sample_1")
NOISE = 0.5


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("values")
    random = np.random.default_rng(0)
    real = random.normal(size=(2, 400)) + 1.0
    sampled = real + NOISE * random.normal(size=(2, 400))
    scores = {
        "truth": (sampled, "query", {"diagnostics": {"subset_trainings": 18_000}}),
        "cheap": (2 * real, "query", {"method": "hydra_centred", "options": {"seeds": 2}}),
        "ranks": (real**3, "rank only", {"method": "final_loss"}),
        "poor": (-real, "query", {"diagnostics": {"subset_trainings": 60}}),
    }
    artifacts = []
    for label, (values, unit, more) in scores.items():
        path = folder / "runs" / "base-seed0" / "scores" / label
        arrays = {"standard_error": np.full((2, 400), NOISE)} if label == "truth" else {}
        about = {"method": label, "unit": unit, "trajectory_digest": "t", "data_digest": "d"} | more
        write_scores(path, values, queries_named(QUERIES), about, arrays)
        artifacts.append(located(path))
    evaluate_values(artifacts, folder / "values.csv", epochs=5, truth="truth")
    found = read_table(folder / "values.csv")
    found.attrs["real"], found.attrs["sampled"] = real, sampled
    return found


def one(table: pd.DataFrame, metric: str, method: str, query: str = ALL_QUERIES) -> float:
    rows = table[(table["metric"] == metric) & (table["method"] == method) & (table["query"] == query)]
    return float(rows[rows["seed"] == "0"]["value"].item())


def test_correlations_and_sums_with_the_sampled_values(table):
    real, sampled = table.attrs["real"], table.attrs["sampled"]
    each = [np.corrcoef(real[q], sampled[q])[0, 1] for q in range(2)]
    assert one(table, "pearson", "cheap", QUERIES[1]) == pytest.approx(each[1])
    assert one(table, "pearson", "cheap") == pytest.approx(np.mean(each))
    assert one(table, "pearson", "poor") == pytest.approx(-np.mean(each))
    expected = 2 * real[0].sum() / sampled[0].sum()
    assert one(table, "sum_ratio", "cheap", QUERIES[0]) == pytest.approx(expected)
    assert 0.8 < one(table, "spearman", "ranks") < 0.95
    assert not len(table[(table["method"] == "ranks") & (table["metric"] == "pearson")])
    assert not len(table[(table["method"] == "truth") & (table["metric"] == "pearson")])


def test_the_ceiling_is_what_noiseless_values_reach(table):
    assert one(table, "ceiling", "") == pytest.approx(one(table, "pearson", "cheap"), abs=0.02)
    assert one(table, "reliability", "") == pytest.approx(1 / (1 + NOISE**2), abs=0.03)


def test_cost_is_counted_or_declared(table):
    costs = {label: one(table, "trainings", label, "") for label in ("truth", "cheap", "ranks", "poor")}
    assert costs == pytest.approx({"truth": 18_000, "cheap": 2 * (1.2 + 2 * 1.8), "ranks": 1 / 5, "poor": 60})


def test_the_sentence_takes_the_nearest_of_the_cheap(table):
    (found,) = sentences(variant_tables({"values": table}))
    ceiling = f"{one(table, 'ceiling', ''):.2f}"
    assert "cheap comes nearest: Pearson 0." in found.text
    assert f"for 10 trainings instead of 18,000; the ceiling is {ceiling}." in found.text
    dear = table.assign(value=table["value"].where(table["metric"] != "trainings", 18_000))
    assert sentences(variant_tables({"values": dear})) == []


def test_a_study_without_a_truth_makes_no_such_table():
    methods = {"cheap": {"method": "hydra_integrated"}, "dear": {"method": "data_shapley"}}
    assert "values" not in plan_tables(resolve_study({"methods": methods}))
    assert "values" in plan_tables(resolve_study({"methods": methods, "values": {"truth": "dear"}}))
