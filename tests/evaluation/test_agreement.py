"""Agreement with the exact method, by hand."""

import numpy as np
import pytest

from hydra_steps.errors import StudyError
from hydra_steps.evaluation.agreement import evaluate_agreement, relative_error, sign_disagreement
from hydra_steps.tables.tidy import read_table
from tests.helpers.artifacts import located

EXACT = np.array([[1.0, -2.0, 3.0, 4.0], [0.0, 1.0, 2.0, -1.0]])
QUERIES = ("test_mean", "test_sample_3")


def cells(path, **where) -> dict:
    table = read_table(path)
    for column, value in where.items():
        table = table[table[column] == value]
    return {(r.query, r.metric): r.value for r in table.itertuples()}


def test_by_hand(study, tmp_path):
    near = EXACT.copy()
    near[0] = [1.0, 2.0, 4.0, 3.0]
    paths = [
        study.scores("hydra_exact", EXACT, QUERIES),
        study.scores("near", near, QUERIES),
        study.scores("ranks", -EXACT, QUERIES, unit="rank only"),
    ]
    evaluate_agreement(paths, tmp_path / "agreement.csv")
    found = cells(tmp_path / "agreement.csv", method="near", seed="0")
    # exact ranks 2 1 3 4, near ranks 1 2 4 3: d² sums to 4, 1 − 6·4 / (4·15) = 0.6
    assert found["test_mean", "spearman"] == pytest.approx(0.6)
    assert found["test_mean", "sign_disagreement"] == 0.25
    assert found["test_mean", "relative_error"] == pytest.approx(((4**2 + 1 + 1) / 30) ** 0.5)
    assert found["test_sample_3", "relative_error"] == 0
    assert cells(tmp_path / "agreement.csv", method="ranks", seed="0") == {
        ("test_mean", "spearman"): pytest.approx(-1),
        ("test_sample_3", "spearman"): pytest.approx(-1),
    }
    assert "hydra_exact" not in set(read_table(tmp_path / "agreement.csv")["method"])


def test_runs_are_compared_with_their_own(study, tmp_path):
    paths = [
        study.scores("hydra_exact", EXACT[0], run="base-seed0"),
        study.scores("m", EXACT[0], run="base-seed0"),
        study.scores("hydra_exact", EXACT[0], run="base-seed1"),
        study.scores("m", -EXACT[0], run="base-seed1"),
        study.scores("m", EXACT[0], run="lonely-seed1"),
    ]
    evaluate_agreement(paths, tmp_path / "agreement.csv")
    table = read_table(tmp_path / "agreement.csv")
    table = table[table["metric"] == "spearman"].set_index("run")["value"]
    assert table.to_dict() == pytest.approx({"base-seed0": 1, "base-seed1": -1, "base": 0})


def test_the_reference_is_a_method_and_not_a_label(study, tmp_path):
    paths = [
        study.scores("hydra_exact", -EXACT[0], method="random"),
        study.scores("exact", EXACT[0], method="hydra_exact"),
        study.scores("near", 2 * EXACT[0]),
    ]
    evaluate_agreement(paths, tmp_path / "agreement.csv")
    table = read_table(tmp_path / "agreement.csv")
    table = table[(table["metric"] == "spearman") & (table["seed"] == "0")].set_index("method")["value"]
    assert table.to_dict() == pytest.approx({"hydra_exact": -1, "near": 1})


def test_only_tracked_samples_are_compared(study, tmp_path):
    c = np.array([np.nan, -2.0, np.nan, -4.0])
    paths = [study.scores("hydra_exact", EXACT[0]), study.scores("forward", c, tracked=[1, 3])]
    evaluate_agreement(paths, tmp_path / "agreement.csv")
    table = read_table(tmp_path / "agreement.csv")
    assert (table["n"] == 2).all()
    assert cells(tmp_path / "agreement.csv", seed="0") == {
        ("test_mean", "spearman"): pytest.approx(-1),
        ("test_mean", "sign_disagreement"): 0.5,
        ("test_mean", "relative_error"): pytest.approx(8 / 20**0.5),
    }


def test_undefined_is_empty(study, tmp_path):
    paths = [
        study.scores("hydra_exact", np.zeros(3)),
        study.scores("m", [1.0, 2.0, 3.0]),
        study.scores("broken", [1.0, np.nan, 3.0]),
    ]
    evaluate_agreement(paths, tmp_path / "agreement.csv")
    m = cells(tmp_path / "agreement.csv", method="m", seed="0")
    assert np.isnan(m["test_mean", "spearman"])
    assert np.isnan(m["test_mean", "relative_error"])
    assert m["test_mean", "sign_disagreement"] == 1
    broken = cells(tmp_path / "agreement.csv", method="broken", seed="0")
    assert np.isnan(list(broken.values())).all()


@pytest.mark.parametrize("samples", [0, 1])
def test_hardly_any_samples(samples):
    c = np.ones(samples)
    assert relative_error(c, c) == 0 if samples else np.isnan(relative_error(c, c))
    assert sign_disagreement(c, c) == 0 if samples else np.isnan(sign_disagreement(c, c))


@pytest.mark.parametrize(("c", "more"), [(np.ones(5), {}), (np.ones(4), {"trajectory_digest": "another"})])
def test_scores_of_another_training_are_refused(study, tmp_path, c, more):
    paths = [study.scores("hydra_exact", np.ones(4)), study.scores("m", c, **more)]
    with pytest.raises(StudyError, match="same run"):
        evaluate_agreement(paths, tmp_path / "agreement.csv")


@pytest.mark.parametrize("folder", ["scores/m", "runs/unknown-seed0/scores/m", "runs/base-seed9/scores/m"])
def test_paths_of_no_run_are_refused(tmp_path, folder):
    with pytest.raises(
        StudyError, match="in no run's folder; expected: runs/<run>/…, the run one of base-seed0,"
    ):
        located(tmp_path / folder)
