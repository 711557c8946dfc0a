"""Every method on every loss in float64: one query and many at once, mapped over samples and one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from hydra_steps.data import RunData
from hydra_steps.errors import StudyError
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import run
from hydra_steps.queries.query import Query
from hydra_steps.registry import load, names
from hydra_steps.scoring.gradient_products import MATERIALISE_FROM
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import relative_error, tiny_data, tiny_process

LOSSES = {
    "cross_entropy": {"name": "cross_entropy"},
    "smoothed": {"name": "cross_entropy", "label_smoothing": 0.2},
    "mean_squared_error": {"name": "mean_squared_error"},
}
OPTIONS: dict[str, dict[str, Any]] = {
    "hydra_averaged": {"runs": 2, "fraction": 0.2},
    "hydra_banzhaf": {"runs": 2},
    "hydra_integrated": {"nodes": 2, "most_nodes": 4, "tolerance": 0.0},  # as many for one query as for many
    "data_shapley": {"permutations": 2},
    "beta_shapley": {"permutations": 2},
    "data_banzhaf": {"subsets": 6},
    "datamodel": {"subsets": 6},
    "hydra_forward": {"samples": [0, 4, 10]},
    "influence_cg": {"damping": 0.1, "iterations": 2000, "tolerance": 1e-14},
    "influence_lissa": {
        "damping": 0.1,
        "scale": 5.0,
        "stop": 0.0,
        "iterations": 20,
        "batch": 6,
        "repeats": 2,
    },
    "influence_arnoldi": {"damping": 0.5, "dimensions": 20, "rank": 10},
    "trak": {"checkpoints": 2, "projection": 4},
    "data_value_embedding": {"projection": 20},
    "confident_learning": {"folds": 2},
    "knn_disagreement": {"neighbours": 3},
}
SPECS: list[dict[str, Any]] = [
    {"kind": "mean_loss", "split": "test"},
    {"kind": "class_loss", "split": "validation"},
    {"kind": "sample_loss", "split": "test", "samples": [0, 2]},
    {"kind": "sample_margin", "split": "train", "samples": [1, 5]},
]
# Which of them go through a map over samples, with one query and with many.
MAPPED = {"hydra_forward", "gradient_cosine", "relatif", "data_value_embedding"}
MAPPED_FROM_MANY = MAPPED | {
    *("hydra_hessian_free", "gradient_product", "tracin", "in_run_shapley"),
    *("influence_cg", "influence_lissa", "influence_arnoldi", "influence_ekfac"),
}


def _one_by_one(function: Callable[..., Any], in_dims: Any = 0) -> Callable[..., Any]:
    """``torch.func.vmap`` as a loop."""

    def looped(*inputs: Any) -> Any:
        dims = in_dims if isinstance(in_dims, tuple) else (in_dims,) * len(inputs)
        size = next(len(x) for x, dim in zip(inputs, dims, strict=True) if dim == 0)
        made = [
            function(*(x if dim is None else x[i] for x, dim in zip(inputs, dims, strict=True)))
            for i in range(size)
        ]
        if isinstance(made[0], tuple):
            return tuple(torch.stack(parts) for parts in zip(*made, strict=True))
        return torch.stack(made)

    return looped


def one_of_each_kind(queries: Sequence[Query]) -> list[int]:
    """The places of the last query of each kind and split."""
    return list({(query.kind, query.split): place for place, query in enumerate(queries)}.values())


@pytest.fixture(scope="module", params=LOSSES)
def trained(request: pytest.FixtureRequest) -> tuple[Trajectory, RunData]:
    process, data, rates = tiny_process("momentum", data=tiny_data(), loss=LOSSES[request.param])
    return Trajectory.in_memory(process, rates), data


@pytest.mark.parametrize("name", sorted(names("method")))
def test_many_queries_are_one_at_a_time_and_mapped_is_looped(
    trained: tuple[Trajectory, RunData], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trajectory, data = trained
    specs = expand_queries(SPECS, data)
    assert len(specs) == MATERIALISE_FROM
    every = QuerySet(specs, data, trajectory.process)

    def score(queries: QuerySet) -> Tensor:
        return load("method", name)(trajectory, queries, **OPTIONS.get(name, {})).values

    if name == "trak" and trajectory.process.settings.training.loss.name == "mean_squared_error":
        with pytest.raises(StudyError, match="another loss than cross_entropy"):
            score(every)
        return
    calls = 0

    def counted(function: Callable[..., Any], in_dims: Any = 0, *rest: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        return mapped(function, in_dims, *rest, **more)

    mapped = torch.func.vmap
    monkeypatch.setattr(torch.func, "vmap", counted)
    many = score(every)
    assert (calls > 0) == (name in MAPPED_FROM_MANY)
    calls = 0
    some = one_of_each_kind(specs)
    alone = torch.cat([score(QuerySet([specs[place]], data, trajectory.process)) for place in some])
    assert (calls > 0) == (name in MAPPED)
    monkeypatch.setattr(torch.func, "vmap", _one_by_one)
    looped = score(every)

    known = ~many.isnan()
    assert known.any()
    assert torch.equal(known, ~looped.isnan())
    assert relative_error(looped[known], many[known]) <= 1e-11
    if name != "random":  # one stream of numbers for all queries
        assert relative_error(alone[known[some]], many[some][known[some]]) <= 1e-9


@pytest.mark.parametrize("name", ["hydra_exact", "hydra_forward"])
def test_exact_methods_are_finite_differences_of_real_retraining(
    trained: tuple[Trajectory, RunData], name: str
) -> None:
    trajectory, data = trained
    process = trajectory.process
    queries = QuerySet(expand_queries(SPECS, data), data, process)

    def value(n: int, change: float) -> Tensor:
        weights = torch.ones(process.samples, dtype=torch.float64)
        weights[n] += change
        return queries.values(run(process, process.initial_state(), trajectory.rates, weights=weights))

    h = 5e-4
    expected = torch.stack(
        [
            -(8 * (value(n, h) - value(n, -h)) - (value(n, 2 * h) - value(n, -2 * h))) / (12 * h)
            for n in (0, 4, 10)
        ],
        1,
    )
    found = load("method", name)(trajectory, queries, **OPTIONS.get(name, {})).values[:, [0, 4, 10]]
    assert relative_error(found, expected) <= 1e-7
