"""Derivatives at other data weights and their means as values: against unrolled differentiation, differences of real
trainings, and exact enumeration of all subsets."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import comb

import numpy as np
import pytest
import torch
from torch import Tensor

from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import run
from hydra_steps.scoring.hydra import hydra_exact
from hydra_steps.scoring.hydra_averaged import hydra_averaged, lowered_weights
from hydra_steps.scoring.hydra_banzhaf import coin_draws, hydra_banzhaf
from hydra_steps.scoring.hydra_centred import hydra_centred
from hydra_steps.scoring.hydra_integrated import hydra_integrated, legendre
from hydra_steps.scoring.nearby import score_seed, uniform
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import built, relative_error, tiny_data, tiny_process, tiny_rates, tiny_settings
from tests.helpers.unrolled import unrolled_final_state

SPECS = [{"kind": "mean_loss", "split": "test"}, {"kind": "sample_margin", "split": "test", "samples": [2]}]


def made(optimizer="momentum", variant="plain", schedule="cosine", data=None, **more):
    process, data, rates = tiny_process(optimizer, schedule, variant, data, **more)
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    return replace(Trajectory.in_memory(process, rates), data=data), queries


def unrolled(trajectory: Trajectory, queries: QuerySet, weights: Tensor) -> Tensor:
    """−∂f_q/∂w_n [q, n] at ``weights``, by reverse-mode differentiation through the whole training."""
    process, leaf = trajectory.process, weights.clone().requires_grad_()
    state = unrolled_final_state(process, trajectory.rates, leaf, process.initial_state())
    rows = [queries.value(query, state.parameters, state.buffers) for query in queries.queries]
    return -torch.stack([torch.autograd.grad(row, leaf, retain_graph=True)[0] for row in rows])


def outcome(trajectory: Trajectory, queries: QuerySet, weights: Tensor) -> Tensor:
    """f_q [q] of a real training at ``weights`` [n]."""
    process = trajectory.process
    return queries.values(run(process, process.initial_state(), trajectory.rates, weights=weights))


@pytest.mark.parametrize("optimizer", ["momentum", "nesterov", "adamw"])
@pytest.mark.parametrize("variant", ["plain", "batch_norm", "dropout"])
@pytest.mark.parametrize("fraction", [0.2, 0.5])
def test_centred_is_the_unrolled_derivative_at_the_middle(optimizer, variant, fraction):
    trajectory, queries = made(optimizer, variant)
    found = hydra_centred(trajectory, queries, fraction=fraction).values
    expected = unrolled(trajectory, queries, uniform(trajectory.process, 1 - fraction))
    assert relative_error(found, expected) <= 1e-8


def test_centred_is_a_difference_of_real_trainings():
    trajectory, queries = made()
    found, step = hydra_centred(trajectory, queries, fraction=0.5).values, 1e-5
    for n in (0, 4, 10):
        ends = []
        for sign in (1, -1):
            weights = uniform(trajectory.process, 0.5)
            weights[n] += sign * step
            ends.append(outcome(trajectory, queries, weights))
        assert relative_error(found[:, n], (ends[1] - ends[0]) / (2 * step)) <= 1e-6


@pytest.mark.parametrize("curvature", ["gauss_newton", "none"])
def test_other_curvatures_are_other_numbers(curvature):
    trajectory, queries = made()
    exact = hydra_centred(trajectory, queries).values
    assert relative_error(hydra_centred(trajectory, queries, curvature=curvature).values, exact) > 1e-3


def test_the_middle_ranks_large_removals_better_than_the_end():
    """Half of 40 samples, at random, 30 times: what the sums over groups miss of the real outcomes, up to a line."""
    trajectory, queries = made("sgd", data=tiny_data(40), epochs=6)
    draws, missed = np.random.default_rng(0), {}
    removed = torch.from_numpy(np.array([draws.permutation(40) < 20 for _ in range(30)]))
    real = torch.stack([outcome(trajectory, queries, (~group).double()) for group in removed])
    for score in (hydra_exact, hydra_centred):
        predicted = removed.double() @ score(trajectory, queries).values.T
        missed[score] = [1 - np.corrcoef(p, r)[0, 1] for p, r in zip(predicted.T, real.T, strict=True)]
    assert np.all(np.array(missed[hydra_centred]) < 0.5 * np.array(missed[hydra_exact])), missed


@pytest.mark.parametrize("optimizer", ["momentum", "adamw"])
@pytest.mark.parametrize("variant", ["plain", "dropout"])
def test_the_integral_is_a_sum_of_unrolled_derivatives(optimizer, variant):
    trajectory, queries = made(optimizer, variant)
    found = hydra_integrated(trajectory, queries, nodes=3, most_nodes=3).values
    expected = sum(
        share * unrolled(trajectory, queries, uniform(trajectory.process, place))
        for place, share in legendre(3)
    )
    assert relative_error(found, expected) <= 1e-8


def test_averages_over_groups_and_coins_are_means_of_unrolled_derivatives():
    trajectory, queries = made()
    process = trajectory.process
    for found, weights in (
        (hydra_averaged(trajectory, queries, runs=3, fraction=0.3), lowered_weights(process, 3, 0.3, 1.0)),
        (hydra_banzhaf(trajectory, queries, runs=3), coin_draws(process, 3)),
    ):
        expected = torch.stack([unrolled(trajectory, queries, w) for w in weights]).mean(0)
        assert relative_error(found.values, expected) <= 1e-8


@pytest.mark.parametrize(("variant", "most"), [("plain", 64), ("batch_norm", 256)])
def test_the_integral_is_complete(variant, most):
    trajectory, queries = made(variant=variant)
    found = hydra_integrated(trajectory, queries, nodes=2, tolerance=1e-7, most_nodes=most)
    process = trajectory.process
    change = outcome(trajectory, queries, uniform(process, 0.0)) - outcome(
        trajectory, queries, uniform(process, 1.0)
    )
    assert relative_error(found.values.sum(1), change) <= 1e-6
    assert all(abs(gap) <= 1e-7 for gap in found.diagnostics["completeness_gap"].values())
    assert 2 < found.diagnostics["nodes"] <= most
    assert found.diagnostics["trainings"] > found.diagnostics["nodes"] + 2


def test_weights_that_count_in_the_statistics_integrate_to_the_change():
    trajectory, queries = made(variant="batch_norm", batch_norm_statistics="weighted")
    found = hydra_integrated(trajectory, queries, nodes=128, tolerance=1e-6, most_nodes=128)
    assert all(abs(gap) <= 1e-6 for gap in found.diagnostics["completeness_gap"].values())


def test_nodes_end_where_they_are_told_to():
    trajectory, queries = made()
    found = hydra_integrated(trajectory, queries, nodes=3, tolerance=0.0, most_nodes=13)
    assert found.diagnostics["nodes"] == 12
    assert found.diagnostics["trainings"] == 3 + 6 + 12 + 2
    assert any(found.diagnostics["completeness_gap"].values())


def shapley_and_banzhaf(trajectory: Trajectory, queries: QuerySet) -> tuple[Tensor, Tensor]:
    """Both values [q, n] of c = f(without) − f(with), by all 2ᴺ trainings."""
    samples = trajectory.process.samples
    value = {
        subset: outcome(
            trajectory, queries, torch.tensor([float(n in subset) for n in range(samples)]).double()
        )
        for size in range(samples + 1)
        for subset in combinations(range(samples), size)
    }
    shapley, banzhaf = torch.zeros(2, len(queries), samples, dtype=torch.float64)
    for subset, with_it in value.items():
        for n in subset:
            change = value[tuple(k for k in subset if k != n)] - with_it
            shapley[:, n] += change / (samples * comb(samples - 1, len(subset) - 1))
            banzhaf[:, n] += change / 2 ** (samples - 1)
    return shapley, banzhaf


class Linear(QuerySet):
    """Queries that are linear in the parameters."""

    def value(self, query, parameters, buffers):
        return (parameters * torch.linspace(-1, 1, len(parameters), dtype=parameters.dtype)).sum()

    def cotangents(self, state):
        found = super().cotangents(state)
        slope = torch.linspace(-1, 1, len(state.parameters), dtype=torch.float64)
        return found._replace(parameters=slope.expand_as(found.parameters).clone())

    def values(self, state, logits=None):
        return torch.stack([self.value(query, state.parameters, state.buffers) for query in self.queries])


def test_of_a_linear_game_shapley_and_banzhaf_are_exact():
    """One step and a linear query: the outcome is linear in the weights, so all values are the derivative."""
    data = tiny_data(6)
    trajectory, _ = made(data=data, schedule="constant", epochs=1, batch_size=6)
    queries = Linear(expand_queries(SPECS, data), data, trajectory.process)
    shapley, banzhaf = shapley_and_banzhaf(trajectory, queries)
    assert relative_error(hydra_integrated(trajectory, queries, nodes=2).values, shapley) <= 1e-10
    assert relative_error(hydra_banzhaf(trajectory, queries, runs=2).values, banzhaf) <= 1e-10
    assert relative_error(hydra_exact(trajectory, queries).values, shapley) <= 1e-10


def test_of_a_real_game_they_are_near_the_enumerated_values():
    """Eight samples, all 256 trainings: not multilinear in w, so near, and nearer than the derivative at w = 1."""
    trajectory, queries = made(data=tiny_data(8), epochs=6)
    shapley, banzhaf = shapley_and_banzhaf(trajectory, queries)
    exact = hydra_exact(trajectory, queries).values
    integrated = hydra_integrated(trajectory, queries, tolerance=1e-4).values
    averaged = hydra_banzhaf(trajectory, queries, runs=64).values
    for q in range(len(queries)):
        correlation = {
            name: np.corrcoef(values[q], truth[q])[0, 1]
            for name, values, truth in (
                ("integrated", integrated, shapley),
                ("banzhaf", averaged, banzhaf),
                ("exact", exact, shapley),
            )
        }
        assert correlation["integrated"] > max(0.95, correlation["exact"])
        assert correlation["banzhaf"] > 0.97


def test_equal_samples_have_equal_values_and_an_unseen_one_has_none():
    data = tiny_data(7)
    for rows in (data.train.inputs, data.train.targets):
        rows[6] = rows[5]
    trajectory, queries = made(data=data, batch_size=7)
    for found in (hydra_centred(trajectory, queries), hydra_integrated(trajectory, queries)):
        assert relative_error(found.values[:, 6], found.values[:, 5]) <= 1e-10
    drawn, queries = made(data=data, batch_size=2, epochs=1, sampling="with_replacement")
    unseen = sorted(set(range(7)) - set(drawn.process.table.flatten().tolist()))
    assert unseen
    for found in (
        hydra_centred(drawn, queries),
        hydra_integrated(drawn, queries),
        hydra_banzhaf(drawn, queries),
    ):
        assert not found.values[:, unseen].any()


def test_coins():
    process = made()[0].process
    draws = list(coin_draws(process, 6))
    assert all(
        torch.equal(one + other, uniform(process, 1.0))
        for one, other in zip(draws[::2], draws[1::2], strict=True)
    )
    assert len({tuple(w.tolist()) for w in draws}) == 6
    assert all(torch.equal(a, b) for a, b in zip(draws, coin_draws(process, 4), strict=False))


@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
def test_fresh_seeds_are_averaged(schedule):
    """Two seeds: the mean of what each gives when it is the run itself, with its own rates."""
    trajectory, queries = made(schedule=schedule)
    data = trajectory.data
    of_each = []
    for number in range(2):
        settings = tiny_settings("momentum", schedule) | {"seed": score_seed(trajectory.process.seed, number)}
        process = built(settings, data)
        rates = _own_rates(process, data) if schedule == "plateau" else tiny_rates(process)
        own = replace(Trajectory.in_memory(process, rates), data=data)
        of_each.append(hydra_centred(own, QuerySet(queries.queries, data, process), fraction=0.3).values)
    found = hydra_centred(trajectory, queries, fraction=0.3, seeds=2).values
    assert relative_error(found, (of_each[0] + of_each[1]) / 2) <= 1e-12
    assert relative_error(of_each[0], of_each[1]) > 1e-3
    at_the_run = hydra_averaged(trajectory, queries, runs=1, fraction=0.0, seeds=1).values
    assert relative_error(at_the_run, hydra_exact(trajectory, queries).values) > 1e-3


def _own_rates(process, data):
    """Step by step, with the validation loss after each epoch by the model itself."""
    schedule, state, rates = process.schedule(), process.initial_state(), []
    images = torch.tensor(data.validation.inputs).double()
    labels = torch.tensor(data.validation.targets)
    for step in range(process.steps):
        rates.append(schedule.rate(step))
        state = process.step(state, step, rates[-1])[0]
        if (step + 1) % process.steps_per_epoch == 0:
            logits = process.model.logits(state.parameters, state.buffers, images)
            schedule.end_epoch(torch.nn.functional.cross_entropy(logits, labels).item())
    return rates
