"""Influence functions under every form of weight decay, against real trainings that have come to rest."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hydra_steps.errors import StudyError
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import run
from hydra_steps.process.together import one_by_one, run_together
from hydra_steps.registry import load
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import built, relative_error, tiny_data, tiny_settings

SAMPLES, LEFT_OUT, CHANGE = 240, 5, 1e-2
SPECS = [{"kind": "mean_loss", "split": "test"}, {"kind": "sample_loss", "split": "test", "count": 2}]
# Optimizer, λ' of ∇L + λ' θ = 0 at rest (None: another for each parameter), and the relative error of the derivative.
CASES: dict[str, tuple[dict[str, Any], float | None, float]] = {
    "coupled": ({"name": "sgd", "momentum": 0.9, "weight_decay": 0.05}, 0.05, 1e-5),
    "coupled, dampened": (
        {"name": "sgd", "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.05},
        0.05,
        1e-5,
    ),
    "decoupled": ({"name": "sgd", "momentum": 0.0, "weight_decay": 0.05, "decoupled": True}, 0.05, 1e-5),
    "decoupled, momentum": (
        {"name": "sgd", "momentum": 0.9, "weight_decay": 0.3, "decoupled": True},
        0.03,
        1e-5,
    ),
    "decoupled, dampened": (
        {"name": "sgd", "momentum": 0.9, "dampening": 0.6, "weight_decay": 0.2, "decoupled": True},
        0.05,
        1e-5,
    ),
    "decoupled, nesterov": (
        {"name": "sgd", "momentum": 0.8, "nesterov": True, "weight_decay": 0.2, "decoupled": True},
        0.04,
        1e-5,
    ),
    "adam": ({"name": "adam", "betas": [0.8, 0.9], "epsilon": 0.1, "weight_decay": 0.05}, 0.05, 1e-5),
    "adamw": ({"name": "adamw", "betas": [0.8, 0.9], "epsilon": 1.0, "weight_decay": 0.05}, None, 2e-2),
}

LATE = ("decoupled", "adamw")  # these come to rest later than the others


@cache
def _at_rest(case: str) -> tuple[Trajectory, QuerySet, Tensor, Tensor]:
    """A run that has come to rest, its queries, and of the first samples −∂f_q/∂w_n and the change without n [q, m]."""
    epochs = 1100 if case in LATE else 500
    data, settings = tiny_data(samples=SAMPLES), tiny_settings(epochs=epochs, batch_size=SAMPLES)
    settings["model"] = {"name": "logistic"}
    settings["training"]["optimizer"] = {"learning_rate": 0.2, **CASES[case][0]}
    process = built(settings, data)
    rates = [0.3] * process.steps
    weights = torch.ones(1 + 3 * LEFT_OUT, SAMPLES, dtype=torch.float64)
    for n in range(LEFT_OUT):
        weights[1 + n, n] += CHANGE
        weights[1 + LEFT_OUT + n, n] -= CHANGE
        weights[1 + 2 * LEFT_OUT + n, n] = 0
    states = run_together(process, rates, weights)
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    values = torch.stack([queries.values(state) for state in one_by_one(states)], 1)
    base, more, less, without = values.split([1, LEFT_OUT, LEFT_OUT, LEFT_OUT], 1)
    final = one_by_one(states)[0]
    after = run(process, final, rates, process.steps - 1, process.steps)
    assert relative_error(after.parameters, final.parameters) <= 1e-9
    trajectory = Trajectory(
        process,
        rates,
        [0, process.steps],
        lambda step: final if step == process.steps else process.initial_state(),
    )
    return trajectory, queries, (less - more) / (2 * CHANGE), without - base


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("influence_cg", {"damping": 0.0, "tolerance": 1e-12, "iterations": 500}),
        ("influence_lissa", {"damping": 0.0, "scale": 1.5, "stop": 1e-9, "iterations": 9000, "repeats": 1}),
    ],
)
def test_influence_is_the_derivative_of_where_the_training_rests(
    case: str, name: str, options: dict[str, Any]
) -> None:
    trajectory, queries, derivative, without = _at_rest(case)
    found = load("method", name)(trajectory, queries, **options)
    expected, tolerance = CASES[case][1:]
    if expected is not None:
        assert found.diagnostics["effective_damping"] == pytest.approx(expected)
    values = found.values[:, :LEFT_OUT]
    assert relative_error(values, derivative) <= tolerance
    for predicted, real in zip(values, without, strict=True):
        assert np.polyfit(predicted, real, 1)[0] == pytest.approx(
            1, abs=0.25
        )  # one of 60 samples is no small part
        assert np.corrcoef(predicted, real)[0, 1] >= 0.98


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["influence_ekfac", "relatif", "influence_arnoldi"])
def test_methods_with_one_damping_add_the_same(case: str, name: str) -> None:
    trajectory, queries, _, _ = _at_rest(case)
    found = load("method", name)(trajectory, queries, damping=0.01)
    expected = CASES[case][1]
    if expected is None:  # λ (√v̂ + ε), and v̂ is 0 where no noise is left
        optimizer = CASES[case][0]
        expected = optimizer["weight_decay"] * optimizer["epsilon"]
    assert found.diagnostics["effective_damping"] == pytest.approx(0.01 + expected, rel=2e-2)


def test_adamws_second_moments_are_its_damping() -> None:
    settings = tiny_settings("adamw", epochs=5)
    process = built(settings, tiny_data())
    final = run(process, process.initial_state(), [0.01] * process.steps)
    found = process.optimizer.stationary_decay(final.slots, process.steps)
    expected = 0.05 * ((final.slots[1] / (1 - 0.999**process.steps)).sqrt() + 1e-8)
    assert relative_error(found, expected) <= 1e-12
    assert process.optimizer.stationary_decay(torch.zeros_like(final.slots), 0) == 0.05 * 1e-8


@pytest.mark.parametrize(
    "name", ["influence_cg", "influence_lissa", "influence_arnoldi", "influence_ekfac", "relatif"]
)
def test_a_training_that_rests_anywhere_is_refused(name: str) -> None:
    settings = tiny_settings()
    settings["training"]["optimizer"]["dampening"] = 1.0
    process = built(settings, tiny_data())
    queries = QuerySet(expand_queries(SPECS, tiny_data()), tiny_data(), process)
    with pytest.raises(StudyError, match="dampening 1"):
        load("method", name)(Trajectory.in_memory(process, [0.1] * process.steps), queries)
