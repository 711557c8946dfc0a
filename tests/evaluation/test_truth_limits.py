"""Reliability and ceiling of a truth that was drawn more than once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from hydra_steps.evaluation.counterfactual import evaluate_counterfactual
from hydra_steps.evaluation.truth_limits import ceiling, of_mean
from hydra_steps.tables.queries import ALL_QUERIES


def table(study, tmp_path, draws, **more) -> pd.DataFrame:
    """counterfactual.csv of one design with these changes [d, r, q], and one score."""
    groups = [[3 * g, 3 * g + 1] for g in range(draws.shape[1])]
    queries = tuple(f"test_sample_{q}" for q in range(draws.shape[2]))
    truth = draws.mean(0) if more else draws[0]
    outcomes = study.outcomes("groups", groups, truth, queries=queries, draws=draws, **more)
    scores = study.scores("hydra_exact", np.ones((len(queries), 3 * len(groups))), queries=queries)
    evaluate_counterfactual([scores], [outcomes], tmp_path / "t.csv", tmp_path / "p.csv")
    found = pd.read_csv(tmp_path / "t.csv", keep_default_na=False)
    return found[(found["seed"] == "0") & (found["metric"].isin(["reliability", "ceiling"]))]


def made(draws, groups, noise, queries=2):
    random = np.random.default_rng(0)
    truth = random.normal(size=(1, groups, queries))
    return truth + noise * random.normal(size=(draws, groups, queries))


def test_the_mean_correlation_of_pairs_and_its_root(study, tmp_path):
    draws = made(3, 30, 0.5)
    found = table(study, tmp_path, draws).set_index(["metric", "query"])["value"].astype(float)
    each = []
    for q in range(2):
        pairs = [spearmanr(draws[i, :, q], draws[j, :, q])[0] for i, j in ((0, 1), (0, 2), (1, 2))]
        each.append(np.mean(pairs))
        assert found["reliability", f"test_sample_{q}"] == pytest.approx(each[-1])
        assert found["ceiling", f"test_sample_{q}"] == pytest.approx(np.sqrt(each[-1]))
    assert found["reliability", ALL_QUERIES] == pytest.approx(np.mean(each))
    assert found["ceiling", ALL_QUERIES] == pytest.approx(np.mean(np.sqrt(each)))


def test_of_a_mean_over_seeds_it_is_that_of_the_mean(study, tmp_path):
    """Against what it estimates: the correlation of two means of as many draws each."""
    draws = made(4, 400, 1.0, queries=1)
    found = table(study, tmp_path, draws, spec={"seeds": 4}).set_index("metric")["value"].astype(float)
    other = made(8, 400, 1.0, queries=1)
    real = spearmanr(other[:4].mean(0), other[4:].mean(0))[0]
    assert found["reliability"] == pytest.approx(real, abs=0.05)
    assert found["ceiling"] == pytest.approx(np.sqrt(found["reliability"]))


def test_intervals_hold_the_value_and_one_draw_has_none(study, tmp_path):
    rows = table(study, tmp_path, made(2, 12, 0.8))
    ends = rows[["ci_low", "value", "ci_high"]].astype(float).to_numpy()
    assert (np.diff(ends) >= 0).all()
    assert (ends[:, 0] < ends[:, 2]).all()
    assert table(study, tmp_path, made(1, 12, 0.8)).empty


def test_a_perfect_score_reaches_the_ceiling():
    """The correlation of the noiseless truth with one draw is √ of that of two draws (Pearson, many groups)."""
    random = np.random.default_rng(1)
    truth = random.normal(size=20_000)
    one, other = (truth + 0.7 * random.normal(size=20_000) for _ in range(2))
    reached, reliability = np.corrcoef(truth, one)[0, 1], np.corrcoef(one, other)[0, 1]
    assert float(ceiling(np.array([reliability]), 1)[0]) == pytest.approx(reached, abs=0.01)
    assert float(of_mean(np.array([-0.2]), 2)[0]) == 0.0
