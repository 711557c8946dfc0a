"""Contributions by epoch: against autograd through a training whose data weights differ by epoch; their sum is c."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.registry import entries, find, load
from hydra_steps.scoring.tracin import lengths
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import relative_error, tiny_process
from tests.helpers.unrolled import unrolled_final_state

SPECS = [{"kind": "mean_loss", "split": "test"}, {"kind": "sample_loss", "split": "test", "samples": [2, 0]}]
METHODS = ["hydra_exact", "hydra_gauss_newton", "hydra_hessian_free", "tracin", "in_run_shapley"]


def _tiny(optimizer="momentum", **training):
    process, data, rates = tiny_process(optimizer, "cosine", **training)
    return (
        process,
        rates,
        Trajectory.in_memory(process, rates),
        QuerySet(expand_queries(SPECS, data), data, process),
    )


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
@pytest.mark.parametrize("sampling", ["shuffle", "with_replacement"])
def test_exact_parts_are_the_derivatives_by_each_epochs_weights(optimizer, sampling):
    process, rates, trajectory, queries = _tiny(optimizer, sampling=sampling)
    weights = torch.ones(process.epochs, process.samples, dtype=torch.float64, requires_grad=True)
    state = unrolled_final_state(process, rates, weights)
    expected = []
    for query in queries.queries:
        value = queries.value(query, state.parameters, state.buffers)
        expected.append(-torch.autograd.grad(value, weights, retain_graph=True)[0])
    found = load("method", "hydra_exact")(trajectory, queries, by_epoch=True).arrays["by_epoch"]
    assert found.dtype == np.float32
    assert relative_error(torch.tensor(found).double(), torch.stack(expected, 1)) <= 1e-5


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("options", [{}, {"queries_at_once": 1}, {"checkpoints": 2}])
def test_the_parts_add_up_and_change_nothing(method, options):
    _, _, trajectory, queries = _tiny(epochs=4)
    function = load("method", method)
    options = {name: value for name, value in options.items() if name in find("method", method).options}
    without = function(trajectory, queries, **options)
    asked = function(trajectory, queries, **options, by_epoch=True)
    assert torch.equal(asked.values, without.values)
    assert "by_epoch" not in without.arrays
    parts = torch.tensor(asked.arrays["by_epoch"])
    assert parts.shape == (4, *without.values.shape)
    assert relative_error(parts.double().sum(0), without.values) <= 1e-5


def test_a_checkpoint_stands_for_the_epochs_before_it_by_their_lengths():
    process, _, trajectory, queries = _tiny("sgd", epochs=4)
    parts = load("method", "tracin")(trajectory, queries, by_epoch=True, checkpoints=1).arrays
    each = process.steps_per_epoch
    ratio = parts["by_epoch"][0] / parts["by_epoch"][3]
    expected = lengths(trajectory, 0, each) / lengths(trajectory, 3 * each, 4 * each)
    assert np.allclose(ratio, expected[None].expand(3, -1).numpy(), rtol=1e-4)


def test_a_method_says_whether_it_keeps_epochs():
    methods = entries("method")
    assert {name for name, one in methods.items() if one.traits["by_epoch"]} == set(METHODS)
    assert {name for name, one in methods.items() if "by_epoch" in one.optional} == set(METHODS)
