"""Small steps of the data weights: what they change, whether two in a row agree, and which layers have kinks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from hydra_steps.counterfactual.smoothness import kinks_of, measure_smoothness, sign_agreement
from hydra_steps.models.build import build_model
from hydra_steps.process.building import load_data
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import run
from hydra_steps.scoring.store import write_scores
from hydra_steps.trajectory.store import TrajectoryStore
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.queries import queries_named


def test_two_steps_the_same_way_agree_and_back_they_do_not():
    random = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 20_000)))
    start, step, other = random
    assert sign_agreement(start, start + step, start + 2 * step) == pytest.approx(1.0)
    assert sign_agreement(start, start + step, start) == pytest.approx(-1.0)
    assert abs(sign_agreement(start, start + step, start + step + other)) < 0.03
    large = torch.where(step.abs() > 1, step, other)
    by_hand = (step.abs() * step.sign() * large.sign()).sum() / step.abs().sum()
    assert sign_agreement(start, start + step, start + step + large) == pytest.approx(float(by_hand))
    assert np.isnan(sign_agreement(start, start, start + step))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lenet5_tanh", []),
        ("lenet5_relu", ["MaxPool", "ReLU"]),
        ("lenet5_relu_average", ["ReLU"]),
        ("lenet5_tanh_max", ["MaxPool"]),
    ],
)
def test_kinks_are_named(name, expected):
    assert kinks_of(build_model(name, (1, 8, 8), 10, {}, 0)) == expected
    assert kinks_of(nn.Sequential(nn.LeakyReLU(), nn.GELU(), nn.MaxPool2d(2))) == ["LeakyReLU", "MaxPool2d"]


def test_steps_of_real_trainings(trained, tmp_path):
    settings = TrajectoryStore.open(trained / "trajectory").settings
    data = load_data(settings, trained / "splits.csv", trained / "labels.csv")
    base = Trajectory.open(trained / "trajectory", data)
    scores = tmp_path / "scores" / "mine"
    contribution = np.random.default_rng(0).normal(size=(1, 60))
    about = {"method": "hydra_exact", "unit": "query", "data_digest": data.digest}
    write_scores(
        scores, contribution, queries_named(["test_mean"]), about | {"trajectory_digest": base.digest}
    )
    queries = [{"kind": "mean_loss", "split": "test"}]
    options = {"groups": 2, "fraction": 0.1, "steps": [1.0, 0.25]}
    inputs = (trained / "trajectory", trained / "splits.csv", trained / "labels.csv", scores, queries)
    measure_smoothness(*inputs, options, tmp_path / "smoothness.csv")
    table = pd.read_csv(tmp_path / "smoothness.csv")
    assert table["step"].tolist() == [1.0, 1.0, 0.25, 0.25]
    assert table["sign_agreement"].isna().tolist() == [True, True, False, False]
    assert table["sign_agreement"][2:].between(0.8, 1).all()  # digits by tanh: smooth
    assert table["kinks"].isna().all()
    asked = QuerySet(expand_queries(queries, data), data, base.process)
    before = float(asked.values(base.final_state)[0])
    generator = np.random.Generator(np.random.Philox(key=[base.process.seed, 104_729]))
    group = [generator.permutation(60)[:6] for _ in range(2)][1]
    weights = torch.ones(60)
    weights[group] = 0.75
    after = asked.values(run(base.process, base.process.initial_state(), base.rates, weights=weights))
    row = table.iloc[3]
    assert row["real"] == pytest.approx(float(after[0]) - before, rel=1e-4)
    assert row["predicted"] == pytest.approx(0.25 * contribution[0, group].sum())
