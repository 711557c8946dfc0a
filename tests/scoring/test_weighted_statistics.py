"""Batch norm whose statistics are those of the weighted samples: forward, reverse, autograd and real re-training."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hydra_steps.data import RunData
from hydra_steps.models.build import build_model
from hydra_steps.models.layers import BatchNorm
from hydra_steps.process.building import build_process
from hydra_steps.process.linearise import linearise
from hydra_steps.process.linearised import Curvature
from hydra_steps.process.process import Process
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import retrain, run, weights_without
from hydra_steps.process.together import one_by_one, run_together
from hydra_steps.registry import load
from hydra_steps.scoring.hydra_forward import forward
from hydra_steps.scoring.sweep import reverse_sweep
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import OPTIMIZERS, built, relative_error, tiny_data, tiny_rates, tiny_settings
from tests.helpers.unrolled import unrolled_contribution, unrolled_final_state

MODELS: dict[str, dict[str, Any]] = {
    "mlp": {"name": "mlp", "hidden": [5], "batch_norm": True},
    "lenet5": {"name": "lenet5_tanh", "batch_norm": True},
}
SPECS: list[dict[str, Any]] = [
    {"kind": "mean_loss", "split": "test"},
    {"kind": "sample_margin", "split": "train", "samples": [1]},
]
SOME = [0, 4, 10]


def _run(
    model: str = "mlp", optimizer: str = "momentum", statistics: str = "weighted", **training: Any
) -> tuple[Process, RunData, list[float], QuerySet]:
    data = tiny_data(side=3 if model == "mlp" else 6)
    settings = tiny_settings(optimizer, "cosine", batch_norm_statistics=statistics, **training)
    settings["model"] = MODELS[model]
    process = built(settings, data)
    return process, data, tiny_rates(process), QuerySet(expand_queries(SPECS, data), data, process)


def _score(name: str, trajectory: Trajectory, queries: QuerySet, **options: Any) -> Any:
    return load("method", name)(trajectory, queries, **options)


def _differences(process: Process, rates: list[float], queries: QuerySet, at: Tensor) -> Tensor:
    """−∂f_q/∂w_n of SOME samples [q, m] by real re-trainings around the data weights ``at`` [n], to fourth order."""

    def value(n: int, change: float) -> Tensor:
        weights = at.clone()
        weights[n] += change
        return queries.values(run(process, process.initial_state(), rates, weights=weights))

    h = 5e-4
    return torch.stack(
        [-(8 * (value(n, h) - value(n, -h)) - (value(n, 2 * h) - value(n, -2 * h))) / (12 * h) for n in SOME],
        1,
    )


@pytest.mark.parametrize("sampling", ["shuffle", "with_replacement"])
@pytest.mark.parametrize(
    ("model", "optimizer"),
    [*(("mlp", optimizer) for optimizer in OPTIMIZERS), ("lenet5", "momentum"), ("lenet5", "adam")],
)
def test_reverse_forward_autograd_and_retraining_agree(model: str, optimizer: str, sampling: str) -> None:
    process, _, rates, queries = _run(model, optimizer, sampling=sampling)
    trajectory = Trajectory.in_memory(process, rates, keep=[4])
    swept = _score("hydra_exact", trajectory, queries, by_epoch=True)
    assert relative_error(swept.values, unrolled_contribution(process, rates, queries)) <= 1e-8
    carried = _score("hydra_forward", trajectory, queries, samples=SOME).values
    assert relative_error(carried[:, SOME], swept.values[:, SOME]) <= 1e-8
    if (model, optimizer) != ("lenet5", "adam"):
        # Adam's first step takes the gradient's signs: of thousands of parameters some change theirs in a difference.
        ones = torch.ones(process.samples, dtype=torch.float64)
        assert relative_error(swept.values[:, SOME], _differences(process, rates, queries, ones)) <= 1e-5
    parts = torch.from_numpy(swept.arrays["by_epoch"])
    assert relative_error(parts.sum(0).double(), swept.values) <= 1e-5


def test_it_is_another_derivative_than_that_of_the_loss_alone() -> None:
    weighted, whole = (_run(statistics=statistics) for statistics in ("weighted", "all"))
    trainings = [Trajectory.in_memory(process, rates) for process, _, rates, _ in (weighted, whole)]
    assert trainings[0].final_state.equal(trainings[1].final_state)  # the run itself is the same
    found = [
        _score("hydra_exact", t, queries).values
        for t, (*_, queries) in zip(trainings, (weighted, whole), strict=True)
    ]
    assert relative_error(found[0], found[1]) > 0.1


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_at_other_weights_too(optimizer: str) -> None:
    process, _, rates, queries = _run(optimizer=optimizer)
    weights = torch.linspace(0.4, 1.6, process.samples, dtype=torch.float64)
    weights[7] = 0
    trajectory = Trajectory.in_memory(process, rates, weights=weights)
    found = reverse_sweep(trajectory, queries.cotangents(trajectory.final_state)).contribution
    assert relative_error(found[:, SOME], _differences(process, rates, queries, weights)) <= 1e-5
    *_, (_, _, tangent) = forward(trajectory, torch.tensor(SOME), hessian=True)

    def parameters(at: Tensor) -> Tensor:
        return unrolled_final_state(process, rates, at).parameters

    jacobian = torch.autograd.functional.jacobian(parameters, weights)
    assert relative_error(tangent.parameters, jacobian[:, SOME].T) <= 1e-8


@pytest.mark.parametrize("at_ones", [True, False])
def test_hessian_free_is_forward_without_hessian(at_ones: bool) -> None:
    process, _, rates, queries = _run()
    weights = None if at_ones else torch.linspace(0.4, 1.6, process.samples, dtype=torch.float64)
    trajectory = Trajectory.in_memory(process, rates, weights=weights)
    expected = _score("hydra_hessian_free", trajectory, queries).values[:, SOME]
    found = _score("hydra_forward", trajectory, queries, samples=SOME, hessian=False).values[:, SOME]
    assert relative_error(found, expected) <= 1e-8


def test_gauss_newton_drops_the_logits_second_derivatives_alone() -> None:
    process, _, rates, _ = _run()
    state, batch = Trajectory.in_memory(process, rates).state(5), process.batch(5)
    weights = torch.linspace(0.5, 1.5, process.samples, dtype=torch.float64)

    def logits(parameters: Tensor, counted: Tensor) -> Tensor:
        return process.model.train_logits(parameters, state.buffers, batch.inputs, None, weights=counted)[0]

    by_parameters, by_weights = torch.autograd.functional.jacobian(
        logits, (state.parameters, weights[batch.index])
    )
    p = logits(state.parameters, weights[batch.index]).softmax(-1)
    inner = (torch.diag_embed(p) - p[:, :, None] * p[:, None, :]) * weights[batch.index, None, None]
    u = torch.randn(len(state.parameters), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    pushed = torch.einsum("bcd,bdp,p->bc", inner, by_parameters, u) / len(batch)
    found = linearise(
        process, state.parameters, state.buffers, batch, u[None], Curvature.GAUSS_NEWTON, weights
    )
    assert found.parameters_bar is not None
    assert found.statistics_bar is not None
    assert relative_error(found.parameters_bar[0], torch.einsum("bc,bcp->p", pushed, by_parameters)) <= 1e-10
    assert relative_error(found.statistics_bar[0], torch.einsum("bc,bcn->n", pushed, by_weights)) <= 1e-10


def test_a_removed_sample_has_no_influence_whatever_it_holds() -> None:
    """With the statistics of all samples it has: that is what the choice is about."""
    for statistics, same in (("weighted", True), ("all", False)):
        process, data, rates, _ = _run(statistics=statistics)
        other = copy.deepcopy(data)
        other.train.inputs[3] = 100.0
        changed = build_process(process.settings, other)
        first, second = retrain(process, rates, [3]), retrain(changed, rates, [3])
        assert (first.largest_difference(second) <= 1e-12) is same


def test_removing_is_training_without_the_samples_in_plain_pytorch() -> None:
    process, _, rates, _ = _run(optimizer="sgd")
    removed = [2, 9]
    found = retrain(process, rates, removed)
    module = build_model("mlp", (1, 3, 3), 3, {"hidden": [5], "batch_norm": True}, process.seed).double()
    for name, layer in list(module.named_children()):
        if isinstance(layer, BatchNorm):
            theirs = nn.BatchNorm1d(5).double()
            setattr(module, name, theirs)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    for step, rate in enumerate(rates):
        batch = process.batch(step)
        kept = torch.tensor([n not in removed for n in batch.index.tolist()])
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        losses = nn.functional.cross_entropy(module(batch.inputs[kept]), batch.targets[kept], reduction="sum")
        (losses / len(batch)).backward()
        optimizer.step()
    parameters = torch.cat([p.detach().reshape(-1) for p in module.parameters()])
    assert relative_error(found.parameters, parameters) <= 1e-10
    means = [b.reshape(-1) for name, b in module.named_buffers() if "num_batches" not in name]
    assert relative_error(found.buffers, torch.cat(means)) <= 1e-10


@pytest.mark.parametrize("model", MODELS)
def test_several_at_once_are_one_by_one_with_whole_batches_removed(model: str) -> None:
    process, _, rates, _ = _run(model)
    groups = [
        [],
        [3],
        process.index(0).tolist(),
        process.index(0).tolist()[:-1],
        list(range(process.samples)),
    ]
    weights = torch.stack([weights_without(process, group) for group in groups])
    for group, found in zip(groups, one_by_one(run_together(process, rates, weights)), strict=True):
        expected = retrain(process, rates, group)
        assert all(torch.isfinite(part).all() for part in found)
        assert found.largest_difference(expected) <= 1e-11
    base = run(process, process.initial_state(), rates)
    assert base.largest_difference(retrain(process, rates, [])) <= 1e-11


def test_without_batch_norm_the_choice_changes_nothing() -> None:
    data = tiny_data()
    processes = [
        built(tiny_settings(batch_norm_statistics=statistics), data) for statistics in ("all", "weighted")
    ]
    rates = tiny_rates(processes[0])
    assert not processes[1].weighs_statistics
    assert retrain(processes[0], rates, [3]).equal(retrain(processes[1], rates, [3]))
