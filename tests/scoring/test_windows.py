"""Windows: scores that count from a step on are the derivatives of re-training from the state there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from hydra_steps.errors import StudyError
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import run
from hydra_steps.registry import entries, load
from hydra_steps.scoring.data_banzhaf import leave_one_out
from hydra_steps.scoring.hydra import hydra_exact
from hydra_steps.scoring.hydra_averaged import hydra_averaged, lowered_weights
from hydra_steps.scoring.hydra_centred import hydra_centred
from hydra_steps.scoring.hydra_integrated import hydra_integrated
from hydra_steps.scoring.nearby import uniform
from hydra_steps.scoring.semivalues import data_shapley
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import relative_error, tiny_process

SPECS = [{"kind": "mean_loss", "split": "test"}, {"kind": "sample_margin", "split": "test", "samples": [2]}]
LAST, STEP = {"last_epochs": 2}, {"from_step": 4}
SMALL = {
    "data_shapley": {"permutations": 4},
    "beta_shapley": {"permutations": 4},
    "hydra_averaged": {"runs": 2},
}
SMALL |= {"data_banzhaf": {"subsets": 6}, "datamodel": {"subsets": 6}, "hydra_banzhaf": {"runs": 2}}


def made(optimizer="momentum", variant="plain", keep=None) -> tuple[Trajectory, QuerySet]:
    """Three epochs of three steps; states of the steps ``keep``."""
    process, data, rates = tiny_process(optimizer, "cosine", variant)
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    return replace(Trajectory.in_memory(process, rates, keep), data=data), queries


def outcome(trajectory: Trajectory, queries: QuerySet, weights: Tensor, first: int) -> Tensor:
    """f_q [q] of training on from s_first with other weights."""
    state = run(trajectory.process, trajectory.state(first), trajectory.rates, first, weights=weights)
    return queries.values(state)


def differences(trajectory, queries, weights: Tensor, first: int, samples) -> Tensor:
    """−∂f_q/∂w_n [q, len(samples)] at ``weights`` by central differences of real trainings from s_first on."""
    columns, h = [], 1e-5
    for n in samples:
        ends = []
        for sign in (1, -1):
            moved = weights.clone()
            moved[n] += sign * h
            ends.append(outcome(trajectory, queries, moved, first))
        columns.append((ends[1] - ends[0]) / (2 * h))
    return torch.stack(columns, 1)


# Not Adam with batch norm: a bias before it has no gradient but round-off, which Adam makes a whole step of.
@pytest.mark.parametrize(
    ("optimizer", "variant"), [("momentum", "plain"), ("momentum", "batch_norm"), ("adamw", "plain")]
)
@pytest.mark.parametrize(("window", "first"), [(LAST, 3), (STEP, 4)])
def test_scores_in_a_window_are_differences_of_trainings_from_there_on(optimizer, variant, window, first):
    trajectory, queries = made(optimizer, variant)
    process, some = trajectory.process, [0, 4, 10]
    ones = uniform(process, 1.0)
    exact = hydra_exact(trajectory, queries, window=window).values[:, some]
    assert relative_error(exact, differences(trajectory, queries, ones, first, some)) <= 1e-5
    centred = hydra_centred(trajectory, queries, fraction=0.4, window=window).values[:, some]
    assert relative_error(centred, differences(trajectory, queries, 0.6 * ones, first, some)) <= 1e-5
    averaged = hydra_averaged(trajectory, queries, runs=1, fraction=0.3, window=window).values[:, some]
    (weights,) = lowered_weights(process, 1, 0.3, 1.0)
    assert relative_error(averaged, differences(trajectory, queries, weights, first, some)) <= 1e-5


@pytest.mark.parametrize(
    "name",
    sorted(
        name for name, one in entries("method").items() if one.traits["by_epoch"] and "window" in one.options
    ),
)
def test_what_adds_up_over_the_steps_is_the_sum_of_the_last_epochs(name):
    trajectory, queries = made()
    parts = load("method", name)(trajectory, queries, by_epoch=True).arrays["by_epoch"]
    found = load("method", name)(trajectory, queries, window=LAST, by_epoch=True)
    assert relative_error(found.values, torch.from_numpy(parts[1:]).double().sum(0)) <= 1e-5
    assert not found.arrays["by_epoch"][0].any()


def test_values_of_a_window_add_up_to_what_happened_in_it():
    trajectory, queries = made()
    process = trajectory.process
    change = outcome(trajectory, queries, uniform(process, 0.0), 4) - queries.values(trajectory.final_state)
    integrated = hydra_integrated(trajectory, queries, tolerance=1e-8, most_nodes=64, window=STEP)
    assert relative_error(integrated.values.sum(1), change) <= 1e-6
    assert all(abs(gap) <= 1e-7 for gap in integrated.diagnostics["completeness_gap"].values())
    sampled = data_shapley(trajectory, queries, permutations=4, window=STEP).values
    assert relative_error(sampled.sum(1), change) <= 1e-9


def test_leaving_out_of_a_window_is_training_on_without():
    trajectory, queries = made()
    found = leave_one_out(trajectory, queries, window=LAST).values
    base = queries.values(trajectory.final_state)
    for n in (0, 7):
        weights = uniform(trajectory.process, 1.0)
        weights[n] = 0
        assert relative_error(found[:, n], outcome(trajectory, queries, weights, 3) - base) <= 1e-9


@pytest.mark.parametrize(
    "name", sorted(name for name, one in entries("method").items() if "window" in one.options)
)
def test_the_whole_training_is_a_window_and_states_may_be_replayed(name):
    trajectory, queries = made(keep=[0, 5])
    function, options = load("method", name), SMALL.get(name, {})
    whole = function(trajectory, queries, **options).values
    for window in ({"last_epochs": 3}, {"from_step": 0}):
        assert torch.equal(function(trajectory, queries, **options, window=window).values, whole)
    every, _ = made()
    replayed = function(trajectory, queries, **options, window=STEP).values
    assert relative_error(replayed, function(every, queries, **options, window=STEP).values) <= 1e-12
    assert relative_error(replayed, whole) > 1e-3


def test_fresh_seeds_have_windows_of_their_own():
    trajectory, queries = made()
    found = hydra_centred(trajectory, queries, seeds=1, window=STEP).values
    assert np.isfinite(found).all()
    assert relative_error(found, hydra_centred(trajectory, queries, seeds=1).values) > 1e-3


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ({"last_epochs": 4}, r"window\.last_epochs: 4 of a training of 3 epochs; expected: 1 to 3"),
        ({"from_step": 9}, r"window\.from_step: 9 of a training of 9 steps; expected: 0 to 8"),
    ],
)
def test_a_window_outside_the_training_is_refused(window, message):
    trajectory, queries = made()
    with pytest.raises(StudyError, match=message):
        hydra_exact(trajectory, queries, window=window)
    with pytest.raises(StudyError, match="looked at from step 2 on; expected: a step from 4 to 8"):
        trajectory.since(4).since(2)
