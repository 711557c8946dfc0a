"""One table of all methods: every number is the summary row it is taken from; a method that diverged says so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hydra_steps.evaluation.comparison import COLUMNS, compare_methods, table_text
from hydra_steps.figures.cost_accuracy import plot_cost_accuracy
from hydra_steps.scoring.store import write_scores
from hydra_steps.tables.tidy import make_table, write_table
from tests.helpers.artifacts import located
from tests.helpers.queries import queries_named

METHODS = {
    "good": ("query", "scored"),
    "ranks": ("rank only", "scored"),
    "bad": ("query", "diverged: too far"),
}


@pytest.fixture
def study(tmp_path):
    scores, rows = [], {"counterfactual": [], "detection": [], "timing": []}
    for seed in (0, 1):
        for k, (label, (unit, status)) in enumerate(METHODS.items()):
            folder = tmp_path / f"runs/base-seed{seed}/scores/{label}"
            about = {"method": label, "unit": unit, "status": status}
            values = np.full((2, 3), np.nan if label == "bad" else 1.0)
            write_scores(folder, values, queries_named(["test_mean", "validation_mean"]), about)
            scores.append(located(folder))
            value = np.nan if label == "bad" else 0.5 + 0.1 * k + 0.02 * seed
            run = {"variant": "base", "run": f"base-seed{seed}", "seed": str(seed), "method": label}
            of_group = run | {"query": "mean_over_queries", "design": "groups", "n": 40}
            interval = {"ci_low": value - 0.1, "ci_high": value + 0.1}
            rows["counterfactual"].append(of_group | {"metric": "lds", "value": value} | interval)
            if unit == "query":
                rows["counterfactual"].append(of_group | {"metric": "slope", "value": 7.0})
                single = of_group | {"design": "single"}
                rows["counterfactual"].append(single | {"metric": "loo_spearman", "value": value})
                rows["counterfactual"].append(single | {"metric": "slope", "value": value + 1})
            by = run | {"query": "validation_mean", "n": 3}
            rows["detection"].append(by | {"metric": "auroc", "value": value})
            rows["detection"].append(by | {"query": "test_mean", "metric": "auroc", "value": 0.0})
            for fraction in (0.1, 0.3):
                rows["detection"].append(
                    by | {"metric": "found_in_inspected", "fraction": fraction, "value": fraction * 2}
                )
            for metric, number in (("seconds", 4.0), ("ratio_to_training", 2.0), ("peak_memory_bytes", 3e8)):
                rows["timing"].append(run | {"metric": metric, "n": 1, "value": number + seed})
    paths = {}
    for name, found in rows.items():
        paths[f"{name}_table"] = tmp_path / f"{name}.csv"
        write_table(make_table(name, found), tmp_path / f"{name}.csv")
    return scores, paths, tmp_path


def test_rows_are_the_means_over_the_seeds(study):
    scores, paths, folder = study
    table = compare_methods(scores=scores, output=folder / "comparison.csv", **paths).set_index("method")
    assert list(pd.read_csv(folder / "comparison.csv").columns) == list(COLUMNS)
    good = table.loc["good"]
    assert good["lds"] == pytest.approx(0.51)
    assert (good["lds_low"], good["lds_high"]) == pytest.approx((0.40, 0.62))  # end to end
    assert good["loo_slope"] == pytest.approx(1.51)
    assert good["auroc"] == pytest.approx(0.51)
    assert (good["found_10"], good["found_30"]) == pytest.approx((0.2, 0.6))
    assert (good["seconds"], good["ratio_to_training"]) == (4.5, 2.5)
    assert np.isnan(table.loc["ranks", "loo_slope"])
    assert table["status"].to_dict() == {"good": "scored", "ranks": "scored", "bad": "diverged"}


def test_the_text_says_what_diverged_and_the_figure_is_stable(study):
    scores, paths, folder = study
    text = table_text(compare_methods(scores=scores, output=folder / "comparison.csv", **paths))
    assert [line.split()[0] for line in text.splitlines()] == ["base", "method", "ranks", "good", "bad"]
    assert "diverged" in text.splitlines()[-1]
    pictures = [folder / "a.svg", folder / "b.svg"]
    for picture in pictures:
        plot_cost_accuracy(comparison_table=folder / "comparison.csv", outputs=[picture])
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
