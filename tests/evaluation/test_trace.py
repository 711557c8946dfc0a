"""Errors along the training and the stability of rankings, by hand."""

import numpy as np
import pytest

from hydra_steps.evaluation.approximation import evaluate_approximation
from hydra_steps.evaluation.stability import evaluate_stability
from hydra_steps.scoring.store import write_scores
from hydra_steps.tables.tidy import read_table
from tests.helpers.artifacts import located
from tests.helpers.queries import queries_named

ABOUT = {"unit": "query", "trajectory_digest": "t", "data_digest": "d"}


def trace(study, label, by_epoch, run="base-seed0"):
    folder = study.folder / "runs" / run / "epochs" / label
    for epoch, values in by_epoch.items():
        contribution = np.atleast_2d(np.asarray(values, np.float64))
        write_scores(
            folder / str(epoch), contribution, queries_named(["test_mean"]), {"method": label, **ABOUT}
        )
    return located(folder)


def test_each_epoch_is_held_against_exact_hydra_of_that_epoch(study, tmp_path):
    traced = [
        trace(study, "hydra_exact", {1: [1, 2, 3, 4], 10: [4, 3, 2, -1]}),
        trace(study, "near", {1: [1, 2, 3, 4], 10: [-4, 3, 2, -1]}),
    ]
    evaluate_approximation(traced=traced, approximation=[], approximated="free", output=tmp_path / "t.csv")
    table = read_table(tmp_path / "t.csv")
    runs = table[table["seed"] == "0"].set_index(["epoch", "metric"])["value"]
    assert runs[1, "relative_error"] == 0
    assert runs[1, "spearman"] == 1
    assert runs[10, "relative_error"] == pytest.approx(8 / 30**0.5)
    assert runs[10, "sign_disagreement"] == 0.25
    assert set(table["method"]) == {"near"}


def test_distances_are_means_over_the_tracked_samples(study, tmp_path):
    path = study.folder / "runs" / "base-seed0" / "approximation.csv"
    path.parent.mkdir(parents=True)
    path.write_text(
        "epoch,sample,norm,distance,bound,bound_measured,spectral_norm\n"
        "1,0,1.0,0.5,9,3,2\n1,4,3.0,0.5,11,5,2\n"
    )
    evaluate_approximation(
        traced=[], approximation=[located(path)], approximated="free", output=tmp_path / "t.csv"
    )
    table = read_table(tmp_path / "t.csv")
    found = table[table["seed"] == "0"].set_index("metric")
    assert found["value"].to_dict() == {
        "hypergradient_norm": 2.0,
        "hypergradient_distance": 0.5,
        "bound": 10.0,
        "bound_measured": 4.0,
        "relative_distance": 0.25,
        "spectral_norm": 2.0,
    }
    low, high = found.loc["hypergradient_norm", ["ci_low", "ci_high"]]
    assert (low, high) == pytest.approx((0.0, 2 + 12.7062047))  # Student's of 1 and 3; no size is negative


def test_stability_compares_neighbours_and_samples_with_the_same_label(study, tmp_path):
    traced = [trace(study, "m", {10: [4, 3, 2, 1], 2: [1, 2, 3, 4], 1: [1, 2, 3, 4]})]
    scores = [
        study.scores("m", [1.0, 2.0, 3.0, 9.0], run="base-seed0"),
        study.scores("m", [1.0, 2.0, 3.0, -9.0], run="base-seed1"),
        study.scores("m", [3.0, 2.0, 1.0, 0.0], run="other-seed1"),
    ]
    labels = [
        study.labels([0, 0, 0, 0], run="base-seed0", label=[0, 1, 2, 0]),
        study.labels([0, 0, 0, 1], run="base-seed1", label=[0, 1, 2, 1]),
        study.labels([0, 0, 0, 0], run="other-seed1", label=[0, 1, 2, 0]),
    ]
    evaluate_stability(
        traced=traced, scores=scores, labels=labels, queries=["test_mean"], output=tmp_path / "t.csv"
    )
    table = read_table(tmp_path / "t.csv")
    epochs = table[(table["metric"] == "between_epochs") & (table["seed"] == "0")]
    assert epochs.set_index("epoch")["value"].to_dict() == {2: 1.0, 10: -1.0}
    seeds = table[(table["metric"] == "between_seeds") & (table["seed"] != "all")]
    # The fourth sample carries another label in the other seed; the other variant has no second seed.
    assert seeds.set_index("run")["value"].to_dict() == pytest.approx({"base-seed0": 1, "base-seed1": 1})
