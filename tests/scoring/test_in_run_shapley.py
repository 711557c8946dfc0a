"""In-run values are the Shapley values of every step's own game, and add up."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
import torch
from torch import Tensor

from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.scoring.in_run_shapley import in_run_shapley
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import relative_error, tiny_data
from tests.scoring.test_sampled_values import SPECS, made, shapley


def local_games(trajectory: Trajectory, queries: QuerySet, order: int) -> Tensor:
    """Every step's Taylor polynomial of the query as a game among its batch, its Shapley value by all subsets."""
    process = trajectory.process
    total = torch.zeros(len(queries), process.samples, dtype=torch.float64)
    for step in range(process.steps):
        state, batch = trajectory.state(step), process.batch(step)
        leaf = state.parameters.clone().requires_grad_()
        logits, _ = process.model.train_logits(leaf, state.buffers, batch.inputs, batch.keys)
        losses = process.loss.values(logits, batch.targets)
        parts = [
            -trajectory.rates[step] / len(batch) * torch.autograd.grad(one, leaf, retain_graph=True)[0]
            for one in losses
        ]
        for q, query in enumerate(queries.queries):

            def value(parameters: Tensor, query=query, state=state) -> Tensor:
                return queries.value(query, parameters, state.buffers)

            slope = torch.autograd.functional.jacobian(value, state.parameters)
            bend = torch.autograd.functional.hessian(value, state.parameters)
            local = {}
            for size in range(len(batch) + 1):
                for subset in combinations(range(len(batch)), size):
                    moved = sum((parts[i] for i in subset), torch.zeros_like(slope))
                    change = slope @ moved + (moved @ bend @ moved / 2 if order == 2 else 0)
                    local[frozenset(subset)] = change[None]
            total[q].index_add_(0, batch.index, shapley(local)[0])
    return total


@pytest.mark.parametrize("order", [1, 2])
def test_in_run_values_are_the_shapley_values_of_every_step(order):
    trajectory, queries = made(7, "sgd")
    expected = local_games(trajectory, queries, order)
    found = in_run_shapley(trajectory, queries, order=order).values
    assert relative_error(found, expected) <= 1e-9


def test_in_run_values_of_both_orders_add_up_to_what_the_run_changed():
    """With momentum and without decay, to the order in the length of the steps."""
    for rate, most in ((0.02, (0.3, 0.02)), (0.005, (0.1, 0.002))):
        trajectory, queries = made(9, data=tiny_data(9))
        process = trajectory.process
        process = replace(process, optimizer=replace(process.optimizer, weight_decay=0.0))
        trajectory = Trajectory.in_memory(process, [rate] * process.steps)
        change = queries.values(process.initial_state()) - queries.values(trajectory.final_state)
        for order, limit in zip((1, 2), most, strict=True):
            found = in_run_shapley(trajectory, queries, order=order).values.sum(1)
            assert relative_error(found, change) <= limit, (rate, order)


class Linear(QuerySet):
    """Queries that are linear in the parameters."""

    def value(self, query, parameters, buffers):
        return parameters @ torch.linspace(-1, 1, len(parameters), dtype=parameters.dtype)

    def gradients(self, state):
        return torch.linspace(-1, 1, len(state.parameters), dtype=torch.float64).repeat(len(self), 1)


@pytest.mark.parametrize("optimizer", ["nesterov", "adam"])
def test_a_linear_query_has_no_second_order_and_all_of_the_first(optimizer):
    trajectory, _ = made(6, optimizer)
    queries = Linear(expand_queries(SPECS, trajectory.data), trajectory.data, trajectory.process)
    first, second = (in_run_shapley(trajectory, queries, order=order).values for order in (1, 2))
    assert relative_error(second, first) <= 1e-12
    assert first.abs().min() > 0
