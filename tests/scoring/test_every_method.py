"""Every rival that a study may name scores both forms of LeNet-5 in float32, the same twice."""

from __future__ import annotations

import pytest
import torch

from hydra_steps.config import resolve_study
from hydra_steps.config.study import Method
from hydra_steps.errors import StudyError
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.registry import load, names
from hydra_steps.scoring.methods import method_of
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import built, tiny_data, tiny_settings

SMALL = {
    "data_shapley": {"permutations": 4},
    "beta_shapley": {"permutations": 4},
    "data_banzhaf": {"subsets": 6},
    "datamodel": {"subsets": 6},
    "influence_cg": {"damping": 0.1, "iterations": 60},
    "influence_lissa": {"iterations": 3, "repeats": 1, "batch": 8},
    "influence_arnoldi": {"dimensions": 4, "rank": 2},
    "trak": {"checkpoints": 2, "projection": 4},
    "data_value_embedding": {"projection": 4},
    "confident_learning": {"folds": 2},
    "knn_disagreement": {"neighbours": 3},
}
SPECS = [{"kind": "mean_loss", "split": "test"}, {"kind": "sample_margin", "split": "validation", "count": 1}]


@pytest.fixture(scope="module", params=["lenet5_tanh", "lenet5_relu"])
def run(request):
    data, settings = tiny_data(samples=16, side=8), tiny_settings(epochs=2, batch_size=8)
    settings["model"], settings["compute"]["dtype"] = {"name": request.param}, "float32"
    settings["training"]["optimizer"]["learning_rate"] = 0.01
    process = built(settings, data)
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    return Trajectory.in_memory(process, [0.01] * process.steps), queries


@pytest.mark.parametrize("name", sorted(name for name in names("method") if not name.startswith("hydra")))
def test_every_rival_scores_both_forms_of_lenet5(run, name):
    trajectory, queries = run
    options = resolve_study({"methods": {name: SMALL.get(name, {})}})["methods"][name]
    before = trajectory.final_state.parameters.clone()
    _, function = method_of(name, Method.of(options))
    found = function(trajectory, queries)
    assert found.values.shape == (2, 16)
    assert torch.isfinite(found.values).all()
    assert found.values.dtype == torch.float64
    assert torch.equal(trajectory.final_state.parameters, before)
    if trajectory.process.settings.model.name == "lenet5_tanh":
        assert torch.equal(function(trajectory, queries).values, found.values)


def test_an_unknown_method_is_refused():
    with pytest.raises(StudyError, match="influence_cgg"):
        load("method", "influence_cgg")
