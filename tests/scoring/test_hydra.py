"""HyDRA in reverse against plain autograd through the unrolled training, real re-training, and explicit matrices."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hydra_steps.errors import Diverged
from hydra_steps.process.linearise import linearise
from hydra_steps.process.linearised import Curvature
from hydra_steps.process.optimizers.sgd import SGD
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import run
from hydra_steps.scoring.hydra import (
    hydra_exact,
    hydra_gauss_newton,
    hydra_hessian_free,
    queries_within_memory,
)
from hydra_steps.scoring.sweep import reverse_sweep
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import (
    CASES,
    OPTIMIZERS,
    built,
    relative_error,
    tiny_data,
    tiny_process,
    tiny_rates,
    tiny_settings,
)
from tests.helpers.unrolled import unrolled_contribution, unrolled_final_state

SPECS = [
    {"kind": "mean_loss", "split": "test"},
    {"kind": "class_loss", "split": "validation"},
    {"kind": "sample_loss", "split": "test", "samples": [2]},
    {"kind": "sample_margin", "split": "train", "samples": [1]},
]


def _finite_difference(process, queries, rates, group):
    """−∂f_q/∂w of a group [q] by real re-training: central differences of fourth order.

    The order matters: batch norm makes some gradients zero but for round-off, which Adam amplifies, so that steps
    small enough for a second-order formula drown in noise.
    """

    def value(change):
        weights = torch.ones(process.samples, dtype=torch.float64)
        weights[group] += change
        return queries.values(run(process, process.initial_state(), rates, weights=weights))

    h = 5e-4
    return -(8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h)


@pytest.mark.parametrize(("optimizer", "schedule", "variant"), CASES)
def test_exact_sweep_is_the_gradient_of_the_unrolled_training(optimizer, schedule, variant):
    process, data, rates = tiny_process(optimizer, schedule, variant)
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    found = hydra_exact(Trajectory.in_memory(process, rates), queries).values
    expected = unrolled_contribution(process, rates, queries)
    assert expected.abs().max() > 1e-6
    assert relative_error(found, expected) <= 1e-8


@pytest.mark.parametrize(("optimizer", "schedule", "variant"), CASES)
def test_exact_sweep_is_the_finite_difference_of_real_retraining(optimizer, schedule, variant):
    process, data, rates = tiny_process(optimizer, schedule, variant)
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    found = hydra_exact(Trajectory.in_memory(process, rates), queries).values
    some = [0, 4, 10]
    expected = torch.stack([_finite_difference(process, queries, rates, [n]) for n in some], 1)
    assert relative_error(found[:, some], expected) <= 1e-5


@pytest.mark.parametrize("sampling", ["shuffle", "with_replacement"])
@pytest.mark.parametrize(
    "loss", [{"name": "mean_squared_error"}, {"name": "cross_entropy", "label_smoothing": 0.2}]
)
def test_samples_seen_twice_or_never_and_other_losses(sampling, loss):
    process, data, rates = tiny_process(sampling=sampling, loss=loss, epochs=1)
    counts = torch.bincount(
        torch.from_numpy(process.table[process.table >= 0]).long(), minlength=process.samples
    )
    if sampling == "with_replacement":
        assert counts.max() > 1
        assert counts.min() == 0
    queries = QuerySet(expand_queries(SPECS[:3], data), data, process)
    trajectory = Trajectory.in_memory(process, rates)
    found = hydra_exact(trajectory, queries).values
    assert (found[:, counts == 0] == 0).all()
    n = int(counts.argmax())
    assert relative_error(found[:, n], _finite_difference(process, queries, rates, [n])) <= 1e-5


@pytest.mark.parametrize("keep", [[0], [3, 6], [1, 2, 3, 4]])
def test_replayed_segments_give_the_same_bits_as_stored_states(keep):
    process, data, rates = tiny_process()
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    whole = hydra_exact(Trajectory.in_memory(process, rates), queries).values
    sparse = hydra_exact(Trajectory.in_memory(process, rates, keep), queries).values
    assert torch.equal(whole, sparse)


def test_gauss_newton_factor_is_the_explicit_matrix():
    process, _, rates = tiny_process()
    state, batch = Trajectory.in_memory(process, rates).state(5), process.batch(5)
    weights = torch.linspace(0.5, 1.5, process.samples, dtype=torch.float64)

    def logits(parameters: torch.Tensor) -> torch.Tensor:
        return process.model.train_logits(parameters, state.buffers, batch.inputs, None)[0]

    jacobian = torch.autograd.functional.jacobian(logits, state.parameters)  # [b, c, p]
    p = logits(state.parameters).softmax(-1)
    inner = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    matrix = torch.einsum("b,bcp,bcd,bdr->pr", weights[batch.index] / len(batch), jacobian, inner, jacobian)
    u = torch.randn(len(state.parameters), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = linearise(
        process, state.parameters, state.buffers, batch, u[None], Curvature.GAUSS_NEWTON, weights
    )
    assert relative_error(found.parameters_bar[0], matrix @ u) <= 1e-12


def test_exact_factor_is_the_explicit_hessian():
    process, _, rates = tiny_process()
    state, batch = Trajectory.in_memory(process, rates).state(5), process.batch(5)

    def loss(parameters: torch.Tensor) -> torch.Tensor:
        logits = process.model.train_logits(parameters, state.buffers, batch.inputs, None)[0]
        return process.loss.values(logits, batch.targets).mean()

    hessian = torch.autograd.functional.hessian(loss, state.parameters)
    u = torch.randn(len(state.parameters), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = linearise(process, state.parameters, state.buffers, batch, u[None], Curvature.EXACT)
    assert relative_error(found.parameters_bar[0], hessian @ u) <= 1e-12


@pytest.mark.parametrize("model", ["mlp", "lenet5_tanh", "lenet5_relu"])
@pytest.mark.parametrize("curvature", Curvature)
def test_directions_together_are_directions_one_by_one(model, curvature):
    settings = tiny_settings()
    settings["model"] = {"name": model}
    process = built(settings, tiny_data(side=28))
    state, batch = process.initial_state(), process.batch(1)
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(5, len(state.parameters), dtype=torch.float64, generator=generator)
    weights = torch.linspace(0.5, 1.5, process.samples, dtype=torch.float64)

    def linearised(rows):
        return linearise(process, state.parameters, state.buffers, batch, rows, curvature, weights)

    found, alone = linearised(directions), [linearised(row[None]) for row in directions]
    assert torch.allclose(found.slopes, torch.cat([one.slopes for one in alone]), rtol=1e-11, atol=1e-13)
    if curvature is Curvature.NONE:
        assert found.parameters_bar is None
        return
    expected = torch.cat([one.parameters_bar for one in alone])
    assert relative_error(found.parameters_bar, expected) < 1e-11


@pytest.mark.parametrize("optimizer", ["momentum", "nesterov", "dampened", "decoupled", "sgd"])
@pytest.mark.parametrize("proxy", [0.0, 1.0])
def test_closed_form_is_the_sweep_without_curvature(optimizer, proxy):
    process, data, rates = tiny_process(optimizer, "cosine")
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    trajectory = Trajectory.in_memory(process, rates)
    options = {"curvature_proxy": proxy}
    swept = reverse_sweep(
        trajectory, queries.cotangents(trajectory.final_state), Curvature.NONE, proxy
    ).contribution
    assert relative_error(hydra_hessian_free(trajectory, queries, **options).values, swept) <= 1e-10
    few = QuerySet(queries.queries[:2], data, process)
    assert relative_error(hydra_hessian_free(trajectory, few, **options).values, swept[:2]) <= 1e-10


PLAIN = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.0}
WITHOUT_MOMENTUM = {
    "undecayed": {**PLAIN, "weight_decay": 0.0},
    "decayed": {**PLAIN, "weight_decay": 0.05},
    "decayed apart": {**PLAIN, "weight_decay": 0.05, "decoupled": True},
}


def _process_with(optimizer, variant="plain"):
    settings = tiny_settings("sgd", "cosine", variant)
    settings["training"]["optimizer"] = optimizer
    process = built(settings, tiny_data())
    return process, tiny_data(), tiny_rates(process)


@pytest.mark.parametrize("variant", ["plain", "batch_norm"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS | WITHOUT_MOMENTUM)
def test_hypergradients_of_the_rest_are_the_unrolled_ones(optimizer, variant):
    process, data, rates = _process_with((OPTIMIZERS | WITHOUT_MOMENTUM)[optimizer], variant)
    queries = QuerySet(expand_queries(SPECS[:2], data), data, process)
    trajectory = Trajectory.in_memory(process, rates, keep=[4])  # in segments
    sweep = reverse_sweep(trajectory, queries.cotangents(trajectory.final_state), hyper=True)
    rate_leaf = torch.tensor(rates, dtype=torch.float64, requires_grad=True)
    hyper = {
        name: torch.tensor(value, dtype=torch.float64, requires_grad=True)
        for name, value in process.optimizer.hyperparameters().items()
    }
    assert sorted(sweep.hyper) == sorted(["learning_rate", *hyper])
    assert not sweep.left_out
    if isinstance(process.optimizer, SGD) and not process.optimizer.momentum:
        # The smallest momentum there is, so that the twin keeps a velocity: it is overridden with 0.
        process.optimizer = replace(process.optimizer, momentum=5e-324)
    initial = process.initial_state()
    initial = initial._replace(parameters=initial.parameters.clone().requires_grad_())
    weights = torch.ones(process.samples, dtype=torch.float64)
    state = unrolled_final_state(process, list(rate_leaf), weights, initial, **hyper)
    for q, query in enumerate(queries.queries):
        value = queries.value(query, state.parameters, state.buffers)
        leaves = [initial.parameters, rate_leaf, *hyper.values()]
        expected = torch.autograd.grad(value, leaves, retain_graph=True)
        assert relative_error(sweep.initial.parameters[q], expected[0]) <= 1e-8
        assert relative_error(sweep.hyper["learning_rate"][:, q], expected[1]) <= 1e-8
        for name, gradient in zip(hyper, expected[2:], strict=True):
            assert gradient.abs() > 0
            assert relative_error(sweep.hyper[name][q], gradient) <= 1e-8, name


@pytest.mark.parametrize("optimizer", WITHOUT_MOMENTUM)
def test_the_momentums_derivative_at_0_is_the_difference_of_real_trainings(optimizer):
    process, data, rates = _process_with(WITHOUT_MOMENTUM[optimizer])
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    found = hydra_exact(Trajectory.in_memory(process, rates), queries, hypergradients=True)

    def value(momentum):
        other = replace(process, optimizer=replace(process.optimizer, momentum=momentum))
        return queries.values(run(other, other.initial_state(), rates))

    h = 1e-3
    expected = (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h)
    mine = torch.from_numpy(found.arrays["hypergradient_momentum"])
    assert relative_error(mine, expected) <= 1e-7
    assert "hypergradients_left_out" not in found.diagnostics


def test_a_momentum_whose_derivative_does_not_exist_is_left_out_with_the_reason():
    """With dampening d the first step of momentum, however small, takes (1 − d) of the gradient, that without all."""
    process, data, rates = _process_with({**PLAIN, "dampening": 0.3, "weight_decay": 0.01})
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    found = hydra_exact(Trajectory.in_memory(process, rates), queries, hypergradients=True)
    assert "hypergradient_momentum" not in found.arrays
    assert "hypergradient_weight_decay" in found.arrays
    assert "dampening" in found.diagnostics["hypergradients_left_out"]["momentum"]


def test_a_groups_effect_is_the_sum_of_its_members():
    process, data, rates = tiny_process()
    queries = QuerySet(expand_queries(SPECS[:1], data), data, process)
    values = hydra_exact(Trajectory.in_memory(process, rates), queries).values
    group = [1, 4, 7]
    assert relative_error(values[:, group].sum(1), _finite_difference(process, queries, rates, group)) <= 1e-6


def test_no_samples_in_a_query_chunk_and_chunking_changes_nothing():
    process, data, rates = tiny_process(data=tiny_data(samples=5))
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    trajectory = Trajectory.in_memory(process, rates)
    whole = hydra_gauss_newton(trajectory, queries).values
    parts = hydra_gauss_newton(trajectory, queries, queries_at_once=2).values
    # Queries share convolutions and products, whose sums round by their widths.
    assert relative_error(parts, whole) < 1e-13
    nothing = QuerySet([], data, process)
    assert hydra_exact(trajectory, nothing).values.shape == (0, 5)


def test_queries_are_chunked_by_memory(monkeypatch):
    process, data, rates = tiny_process()
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    trajectory = Trajectory.in_memory(process, rates)
    whole = hydra_exact(trajectory, queries).values
    assert queries_within_memory(trajectory) > len(queries)
    monkeypatch.setattr("hydra_steps.scoring.hydra.QUERY_MEMORY", 1)
    assert queries_within_memory(trajectory) == 1
    assert relative_error(hydra_exact(trajectory, queries).values, whole) < 1e-13


@pytest.mark.parametrize("curvature", [Curvature.EXACT, Curvature.NONE])
def test_a_sweep_that_is_no_longer_finite_stops_with_its_step_and_norms(curvature):
    process, data, rates = tiny_process("momentum")
    queries = QuerySet(expand_queries(SPECS[:1], data), data, process)
    trajectory = Trajectory.in_memory(process, rates)
    cotangents = queries.cotangents(trajectory.final_state)
    huge = cotangents._replace(
        parameters=cotangents.parameters * (1.5e308 / cotangents.parameters.abs().max())
    )
    with pytest.raises(
        Diverged, match=r"no longer finite at step \d+ \(norm after it: .*float64.*smaller learning rate"
    ):
        reverse_sweep(trajectory, huge, curvature, curvature_proxy=1e3)
