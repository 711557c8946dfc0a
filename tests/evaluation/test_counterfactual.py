"""Scores against re-training: sums, correlations and intervals on made-up outcomes."""

import numpy as np
import pytest

from hydra_steps.errors import StudyError
from hydra_steps.evaluation.counterfactual import ALL_QUERIES, evaluate_counterfactual
from hydra_steps.tables.tidy import POINT_COLUMNS, read_table

GENERATOR = np.random.default_rng(0)
C = GENERATOR.normal(size=(2, 30))
GROUPS = [GENERATOR.choice(30, size=3, replace=False) for _ in range(20)]
TRUE = np.array([[sum(C[q, n] for n in g) for q in range(2)] for g in GROUPS])
QUERIES = ("test_mean", "test_sample_1")


def evaluate(tmp_path, scores, outcomes):
    evaluate_counterfactual(scores, outcomes, tmp_path / "counterfactual.csv", tmp_path / "points.csv")
    return read_table(tmp_path / "counterfactual.csv"), read_table(tmp_path / "points.csv")


def cells(table, **where) -> dict:
    table = table[table["metric"] != "real_change"]
    for column, value in ({"seed": "0"} | where).items():
        table = table[table[column] == value]
    return {(r.query, r.metric): r.value for r in table.itertuples()}


def test_a_perfect_score(study, tmp_path):
    # Real changes are an increasing function of the predicted ones: 0.5 + 2 x.
    scores, outcomes = [study.scores("m", C, QUERIES)], [study.outcomes("g", GROUPS, 0.5 + 2 * TRUE, QUERIES)]
    table, points = evaluate(tmp_path, scores, outcomes)
    found = cells(table)
    for query in (*QUERIES, ALL_QUERIES):
        assert found[query, "lds"] == pytest.approx(1)
        assert found[query, "slope"] == pytest.approx(2)
        assert found[query, "intercept"] == pytest.approx(0.5)
    signs = (np.sign(TRUE) == np.sign(0.5 + 2 * TRUE)).mean(0)
    assert found["test_mean", "sign_accuracy"] == pytest.approx(signs[0])
    assert found[ALL_QUERIES, "sign_accuracy"] == pytest.approx(signs.mean())
    assert tuple(points.columns) == POINT_COLUMNS
    assert len(points) == 40
    assert (points["n"] == 3).all()
    one = points[(points["group"] == 7) & (points["query"] == "test_sample_1")].iloc[0]
    assert one["predicted"] == pytest.approx(TRUE[7, 1])
    assert one["real"] == pytest.approx(0.5 + 2 * TRUE[7, 1])


def test_the_interval_holds_the_value_and_the_mean_is_tighter(study, tmp_path):
    noise = np.random.default_rng(1).normal(size=TRUE.shape) * 2
    scores = [study.scores("m", C, QUERIES)]
    table, _ = evaluate(tmp_path, scores, [study.outcomes("g", GROUPS, TRUE + noise, QUERIES)])
    table = table[(table["metric"] == "lds") & (table["seed"] == "0")].set_index("query")
    assert (table["ci_low"] < table["value"]).all()
    assert (table["value"] < table["ci_high"]).all()
    assert (table["n"] == 20).all()
    assert (table["fraction"] == 0.1).all()


def test_batches_are_one_design(study, tmp_path):
    scores = [study.scores("m", C[0])]
    change = TRUE[:, :1] + GENERATOR.normal(size=(20, 1))
    whole = study.outcomes("g", GROUPS, change)
    evaluate(tmp_path, scores, [whole])
    expected = (tmp_path / "counterfactual.csv").read_bytes(), (tmp_path / "points.csv").read_bytes()
    parts = [
        study.outcomes("g", GROUPS[12:], change[12:], first=12, batch=1),
        study.outcomes("g", GROUPS[:12], change[:12], batch=0),
    ]
    evaluate(tmp_path, scores, parts)
    assert (
        (tmp_path / "counterfactual.csv").read_bytes(),
        (tmp_path / "points.csv").read_bytes(),
    ) == expected


def test_single_samples_have_their_own_names(study, tmp_path):
    single = [[n] for n in range(10)]
    outcomes = [study.outcomes("loo", single, C[0, :10], kind="leave_one_out", fraction=1 / 30)]
    table, _ = evaluate(tmp_path, [study.scores("m", C[0])], outcomes)
    assert {m for _, m in cells(table)} == {
        "loo_spearman",
        "loo_pearson",
        "slope",
        "intercept",
        "sign_accuracy",
    }
    assert cells(table)["test_mean", "loo_pearson"] == pytest.approx(1)


def test_methods_that_only_rank(study, tmp_path):
    outcomes = [study.outcomes("g", GROUPS, TRUE[:, 0])]
    table, points = evaluate(tmp_path, [study.scores("m", C[0], unit="rank only")], outcomes)
    assert points.empty
    assert cells(table) == {("test_mean", "lds"): pytest.approx(1)}


@pytest.mark.parametrize("groups", [1, 2])
def test_few_groups_have_no_interval(study, tmp_path, groups):
    outcomes = [study.outcomes("g", GROUPS[:groups], TRUE[:groups, 0])]
    table, _ = evaluate(tmp_path, [study.scores("m", C[0])], outcomes)
    lds = table[(table["metric"] == "lds") & (table["seed"] == "0")].iloc[0]
    assert np.isnan(lds["value"]) == (groups == 1)
    assert np.isnan(lds["ci_low"])


def test_constant_scores_are_undefined(study, tmp_path):
    outcomes = [study.outcomes("g", GROUPS, TRUE[:, 0])]
    table, _ = evaluate(tmp_path, [study.scores("m", np.zeros(30))], outcomes)
    found = cells(table)
    assert np.isnan(found["test_mean", "lds"])
    assert np.isnan(found["test_mean", "slope"])
    assert found["test_mean", "sign_accuracy"] == 0


def test_blocks_of_a_ranking_and_their_controls(study, tmp_path):
    chosen = study.outcomes("top", GROUPS[:4], [3.0, 1, 2, 2], kind="top_groups", spec={"method": "m"})
    outcomes = [chosen, study.outcomes("g", GROUPS[:3], [1.0, 2, 6])]
    table, _ = evaluate(tmp_path, [study.scores("m", C[0])], outcomes)
    assert ("test_mean", "top_spearman") in cells(table)
    table = table[(table["metric"] == "real_change") & (table["seed"] == "0")].set_index("design")
    assert table["method"].to_dict() == {"top": "m", "g": ""}
    assert table["value"].to_dict() == {"top": 2, "g": 3}
    assert table["n"].to_dict() == {"top": 4, "g": 3}
    assert table.loc["top", "ci_low"] < 2 < table.loc["top", "ci_high"]


def test_seeds_are_summarised(study, tmp_path):
    runs = ("base-seed0", "base-seed1")
    scores = [study.scores("m", C[0], run=run) for run in runs]
    outcomes = [
        study.outcomes("g", GROUPS, sign * TRUE[:, 0], run=run)
        for run, sign in zip(runs, (1, -1), strict=True)
    ]
    table, _ = evaluate(tmp_path, scores, outcomes)
    summary = table[(table["seed"] == "all") & (table["metric"] == "lds")].iloc[0]
    assert summary["value"] == pytest.approx(0)
    assert summary["sd_seeds"] == pytest.approx(2**0.5)


def test_what_does_not_belong_together_is_refused(study, tmp_path):
    outcomes = [study.outcomes("g", GROUPS, TRUE[:, 0])]
    with pytest.raises(StudyError, match="trajectory"):
        evaluate(tmp_path, [study.scores("m", C[0], trajectory_digest="u")], outcomes)
    with pytest.raises(StudyError, match="no query in common"):
        evaluate(tmp_path, [study.scores("m", C[0], ("validation_mean",))], outcomes)
    twice = [study.outcomes("g", GROUPS, TRUE[:, 0], batch=b) for b in (0, 1)]
    with pytest.raises(StudyError, match="twice"):
        evaluate(tmp_path, [study.scores("m", C[0])], twice)
    mixed = [
        outcomes[0],
        study.outcomes("g", GROUPS[:2], TRUE[:2, 0], first=20, batch=2, trajectory_digest="u"),
    ]
    with pytest.raises(StudyError, match="different trainings"):
        evaluate(tmp_path, [study.scores("m", C[0])], mixed)
