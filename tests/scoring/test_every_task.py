"""Every task in float64: sweeps against autograd and real re-training, and every method that fits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hydra_steps.config.targets import fits
from hydra_steps.data import RunData
from hydra_steps.errors import StudyError
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import retrain, run
from hydra_steps.process.trial.try_model import try_model
from hydra_steps.registry import entries, load, use_plugins
from hydra_steps.registry.plugins import VARIABLE
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.any_task import CASES, case_process
from tests.helpers.tiny import relative_error
from tests.helpers.unrolled import unrolled_contribution
from tests.scoring.test_every_loss import OPTIONS, one_of_each_kind

SPECS: list[dict[str, Any]] = [
    {"kind": "mean_loss", "split": "test"},
    {"kind": "mean_loss", "split": "validation"},
    {"kind": "sample_loss", "split": "test", "samples": [0, 2]},
    {"kind": "sample_loss", "split": "train", "samples": [1, 3]},
]
ONLY_SMOOTH = ("absolute_error",)  # a step across its kink is no small change


@pytest.fixture(scope="module", params=CASES)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "")
        process, data, rates = case_process(CASES[request.param], tmp_path_factory.mktemp("plugin"))
        yield request.param, Trajectory.in_memory(process, rates), data
        use_plugins([])


def _queries(name: str, trajectory: Trajectory, data: RunData) -> QuerySet:
    return QuerySet(expand_queries([*SPECS, *CASES[name].queries], data), data, trajectory.process)


def _refused(name: str, method: str) -> bool:
    """Whether a method that fits the targets does not fit the loss."""
    if name == "ids_and_mask" and method in ("trak", "influence_ekfac", "relatif", "influence_arnoldi"):
        return True  # they take one tensor for a sample, or layers that are not there
    if method == "trak":
        return name == "class_weights"
    return method in ("influence_ekfac", "relatif") and name in ("class_weights", "absolute_error", "huber")


def test_every_sweep_is_autograds_and_real_retrainings(trained: Any) -> None:
    name, trajectory, data = trained
    process, queries = trajectory.process, _queries(name, trajectory, data)
    found = load("method", "hydra_exact")(trajectory, queries).values
    expected = unrolled_contribution(process, trajectory.rates, queries, CASES[name].plain)
    assert expected.abs().max() > 1e-6
    assert relative_error(found, expected) <= 1e-8
    forward = load("method", "hydra_forward")(trajectory, queries, samples=[0, 4, 10]).values
    assert relative_error(forward[:, [0, 4, 10]], found[:, [0, 4, 10]]) <= 1e-8
    if name in ONLY_SMOOTH:
        return

    def value(n: int, change: float) -> Tensor:
        weights = torch.ones(process.samples, dtype=torch.float64)
        weights[n] += change
        return queries.values(run(process, process.initial_state(), trajectory.rates, weights=weights))

    h = 5e-4
    slopes = [
        -(8 * (value(n, h) - value(n, -h)) - (value(n, 2 * h) - value(n, -2 * h))) / (12 * h)
        for n in (0, 4, 10)
    ]
    assert relative_error(found[:, [0, 4, 10]], torch.stack(slopes, 1)) <= 1e-6


@pytest.mark.parametrize("method", sorted(entries("method")))
def test_a_method_that_fits_gives_one_query_what_it_gives_many(trained: Any, method: str) -> None:
    name, trajectory, data = trained
    if not fits(entries("method")[method], CASES[name].asks):
        pytest.skip("refused where the study is planned")
    queries = _queries(name, trajectory, data)

    def score(some: QuerySet) -> Tensor:
        return load("method", method)(trajectory, some, **OPTIONS.get(method, {})).values

    if _refused(name, method):
        with pytest.raises(StudyError, match=r"class_weights|with the loss|one tensor|Embedding"):
            score(queries)
        return
    many, some = score(queries), one_of_each_kind(queries.queries)
    alone = torch.cat([score(QuerySet([queries.queries[place]], data, trajectory.process)) for place in some])
    many = many[some]
    known = ~many.isnan()
    assert known.any()
    assert torch.isfinite(many[known]).all()
    if method != "random":
        assert relative_error(alone[known], many[known]) <= 1e-9


def test_the_model_of_every_task_passes_its_trial(trained: Any) -> None:
    try_model(trained[1].process)


@pytest.mark.parametrize("name", [name for name in CASES if name not in ONLY_SMOOTH])
def test_leaving_one_out_changes_what_was_predicted(
    name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "")
    process, data, rates = case_process(CASES[name], tmp_path, samples=150, epochs=3, batch_size=30)
    trajectory = Trajectory.in_memory(process, rates)
    queries = _queries(name, trajectory, data)
    predicted = load("method", "hydra_exact")(trajectory, queries).values.numpy()
    base = queries.values(trajectory.final_state)
    out = range(0, 150, 10)
    real = torch.stack([queries.values(retrain(process, rates, [n])) - base for n in out], 1).numpy()
    for row, found in zip(predicted[:, list(out)], real, strict=True):
        assert np.polyfit(row, found, 1)[0] == pytest.approx(1, abs=0.05)
