"""Removal curves and brittleness as tables, from stores written by hand."""

import math

import numpy as np
import pytest

from hydra_steps.evaluation.brittleness import ARRAYS as FLIP_ARRAYS
from hydra_steps.evaluation.brittleness import evaluate_brittleness
from hydra_steps.evaluation.removal import (
    ARRAYS,
    MEASURES,
    evaluate_removal,
)
from hydra_steps.stores import write_store
from hydra_steps.tables.seed_intervals import within
from hydra_steps.tables.tidy import make_table, read_table
from tests.helpers.artifacts import located
from tests.helpers.queries import queries_named


def removal(folder, label, accuracy, run="base-seed0"):
    """Two fractions of one side, as many seeds as ``accuracy`` has columns."""
    accuracy = np.asarray(accuracy, float)
    seeds = accuracy.shape[1]
    arrays = {name: np.zeros(2 * seeds) for name in ARRAYS}
    arrays["fraction"] = np.repeat([0.0, 0.8], seeds)
    arrays["test_metric"] = accuracy.ravel()
    path = folder / "runs" / run / "removal" / label
    about = {"schema_version": 2, "query": "test_mean", "sides": ["most_harmful", "most_helpful"]}
    about["metric"] = "accuracy"
    write_store(path, arrays, {name: ("training",) for name in ARRAYS}, about)
    return located(path)


def test_removal_curves(tmp_path):
    paths = [
        removal(tmp_path, "m", [[0.9, 0.8], [0.5, 0.7]]),
        removal(tmp_path, "oracle", [[0.9, 0.8], [1.0, 1.0]]),
    ]
    evaluate_removal(paths, tmp_path / "r.csv")
    table = read_table(tmp_path / "r.csv")
    assert set(table["metric"]) == {name.replace("metric", "accuracy") for name in MEASURES}
    assert set(table[table["method"] == "oracle"]["query"]) == {""}
    assert set(table["side"]) == {"most_harmful"}
    one = table[(table["method"] == "m") & (table["metric"] == "test_accuracy") & (table["seed"] == "0")]
    one = one.set_index("fraction")
    assert one["value"].to_dict() == pytest.approx({0.0: 0.85, 0.8: 0.6})
    assert (one["n"] == 2).all()
    assert one.loc[0.8, "ci_low"] < 0.5 < 0.7 < one.loc[0.8, "ci_high"]


def flips(folder, label, smallest, correct):
    path = folder / "runs" / "base-seed0" / "brittleness" / label
    arrays = {
        "position": np.arange(len(smallest)),
        "correct": np.array(correct),
        "smallest": np.array(smallest),
    }
    arrays["trainings"] = np.full(len(smallest), 7)
    names = [query.plain() for query in queries_named(f"test_sample_{i}" for i in range(len(smallest)))]
    about = {"schema_version": 2, "queries": names, "most": 0.5}
    write_store(path, arrays, {name: ("query",) for name in FLIP_ARRAYS}, about)
    return located(path)


@pytest.mark.parametrize(
    ("smallest", "correct", "flipped", "median"),
    [
        ([4, 8, 6], [1, 1, 1], 1, 6),
        ([4, -1, 6], [1, 1, 1], 2 / 3, 6),
        ([4, -1, -1], [1, 1, 1], 1 / 3, np.nan),
        ([4, -1, 10], [1, 0, 1], 1, 7),
    ],
)
def test_brittleness(tmp_path, smallest, correct, flipped, median):
    evaluate_brittleness([flips(tmp_path, "m", smallest, correct)], tmp_path / "b.csv")
    table = read_table(tmp_path / "b.csv")
    table = table[table["seed"] == "0"].set_index("metric")
    assert table.loc["flipped", "value"] == pytest.approx(flipped)
    assert table.loc["median_smallest_group", "value"] == pytest.approx(median, nan_ok=True)
    assert (table["query"] != "mean_over_queries").sum() == sum(correct)
    assert set(table["fraction"]) == {0.5}
    low, high = table.loc["flipped", ["ci_low", "ci_high"]]
    assert 0 <= low < flipped <= high <= 1


def test_the_median_has_an_interval_where_all_flip(tmp_path):
    evaluate_brittleness([flips(tmp_path, "m", range(1, 21), [1] * 20)], tmp_path / "b.csv")
    table = read_table(tmp_path / "b.csv")
    row = table[(table["seed"] == "0") & (table["metric"] == "median_smallest_group")].iloc[0]
    assert 5 <= row["ci_low"] < row["value"] == 10.5 < row["ci_high"] <= 16
    assert row["n"] == 20


def test_nothing_correct_has_no_rows(tmp_path):
    evaluate_brittleness([flips(tmp_path, "m", [-1], [0])], tmp_path / "b.csv")
    assert read_table(tmp_path / "b.csv").empty


def test_the_interval_over_seeds_is_that_of_their_means_and_ends_where_a_share_ends():
    rows = []
    for seed, value in enumerate([0.90, 0.95, 1.00]):
        row = {"variant": "base", "run": f"base-seed{seed}", "seed": str(seed), "method": "random_order"}
        row |= {"query": "", "metric": "test_accuracy", "side": "most_harmful", "fraction": 0.2}
        rows.append(row | {"n": 2, "value": value, "ci_low": 0.0, "ci_high": 1.0})
    table = make_table("removal", rows)
    whole = table[table["seed"] == "all"].iloc[0]
    assert whole["value"] == pytest.approx(0.95)
    half = 4.302652730 * 0.05 / 3**0.5 / (0.95 * 0.05)  # on the scale of the logarithmic odds
    odds = [0.95 / 0.05 * math.exp(side * half) for side in (-1, 1)]
    assert (whole["ci_low"], whole["ci_high"]) == pytest.approx([odd / (1 + odd) for odd in odds])
    assert (table.loc[table["seed"] != "all", "ci_low"] == 0.0).all()
    rows[1] |= {"ci_low": 0.2, "ci_high": 0.99}
    two = make_table("removal", rows[:2])
    two = two.loc[two["seed"] == "all"].iloc[0]
    assert (two["ci_low"], two["ci_high"]) == (0.0, 1.0)  # from end to end of the runs' own


def test_losses_have_no_upper_end():
    assert within("test_loss", -0.5, 3.0) == (0.0, 3.0)
    assert within("test_accuracy", -0.5, 3.0) == (0.0, 1.0)
