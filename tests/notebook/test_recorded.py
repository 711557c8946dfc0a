"""A step that somebody wrote: exact scores through it, its truth, and steps that no score could be trusted of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad
from torch.nn import functional

from hydra_steps.errors import StudyError
from hydra_steps.notebook.arrays import lds, predicted_changes
from hydra_steps.notebook.recorded import Recorded, record

SAMPLES = 12
DRAW = torch.Generator().manual_seed(0)
INPUTS = torch.randn(SAMPLES, 4, dtype=torch.float64, generator=DRAW)
TARGETS = torch.randint(0, 3, (SAMPLES,), generator=DRAW)
NET = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
BATCHES = [torch.randperm(SAMPLES, generator=DRAW)[:5] for _ in range(11)]


def start() -> dict[str, Any]:
    parameters = {name: p.detach().clone() for name, p in NET.named_parameters()}
    moved = {name: torch.zeros_like(p) for name, p in parameters.items()}
    return {
        "parameters": parameters,
        "velocity": moved,
        "seen": torch.tensor(0),
        "mean": [parameters["0.bias"].clone()],
    }


def loss(parameters: dict[str, Tensor], index: Tensor, weights: Tensor) -> Tensor:
    losses = functional.cross_entropy(
        functional_call(NET, parameters, INPUTS[index]), TARGETS[index], reduction="none"
    )
    return (losses * weights[index]).mean()


def step(state: dict[str, Any], index: Tensor, weights: Tensor) -> dict[str, Any]:
    """Momentum with a rate that falls by a counter, sharpness-aware, and a running mean of one bias."""
    parameters, rate = state["parameters"], 0.03 / (1 + 0.1 * state["seen"])
    first = grad(loss)(parameters, index, weights)
    uphill = {name: p + 0.05 * first[name] for name, p in parameters.items()}
    second = grad(loss)(uphill, index, weights)
    velocity = {name: 0.9 * v + second[name] for name, v in state["velocity"].items()}
    parameters = {name: p - rate * velocity[name] for name, p in parameters.items()}
    mean = [0.9 * state["mean"][0] + 0.1 * parameters["0.bias"]]
    return {"parameters": parameters, "velocity": velocity, "seen": state["seen"] + 1, "mean": mean}


def test_loss(state: dict[str, Any]) -> Tensor:
    return loss(state["parameters"], torch.arange(SAMPLES), torch.ones(SAMPLES, dtype=torch.float64))


test_loss.__test__ = False  # type: ignore[attr-defined]  # a query, no test
QUERIES = {"loss": test_loss, "mean": lambda state: state["mean"][0].sum()}


def unrolled(weights: Tensor) -> Any:
    state = start()
    for index in BATCHES:
        state = step(state, index, weights)
    return state


@pytest.fixture(scope="module", params=[None, 1, 4, 100])
def recorded(request: pytest.FixtureRequest) -> Recorded:
    return record(step, start(), BATCHES, SAMPLES, keep=request.param)


def test_scores_are_the_gradient_through_the_whole_training(recorded: Recorded) -> None:
    found = recorded.scores(QUERIES)
    assert found.dims == ("query", "sample")
    for name, query in QUERIES.items():
        weights = torch.ones(SAMPLES, dtype=torch.float64, requires_grad=True)
        expected = -torch.autograd.grad(query(unrolled(weights)), weights)[0]
        np.testing.assert_allclose(found.sel(query=name), expected, rtol=1e-10, atol=1e-14)


def test_scores_predict_real_removals(recorded: Recorded) -> None:
    scores = recorded.scores(test_loss)
    eps, weights = 1e-4, torch.ones(SAMPLES, dtype=torch.float64)
    weights[3] -= eps
    change = (float(test_loss(recorded.retrain(weights))) - float(test_loss(recorded.final))) / eps
    assert float(scores[0, 3]) == pytest.approx(change, rel=1e-2)
    groups = [[n] for n in range(SAMPLES)]
    real = recorded.retrain_without(groups, test_loss)
    assert float(lds(predicted_changes(scores, groups), real)[0]) > 0.8
    assert torch.equal(
        recorded.retrain(recorded.ones())["parameters"]["2.bias"], recorded.final["parameters"]["2.bias"]
    )


def test_every_state_is_that_of_the_training(recorded: Recorded) -> None:
    state = start()
    for number, index in enumerate(BATCHES):
        assert torch.equal(recorded.state(number)["parameters"]["0.weight"], state["parameters"]["0.weight"])
        state = step(state, index, recorded.ones())


def in_place(state: dict[str, Any], index: Tensor, weights: Tensor) -> dict[str, Any]:
    after = step(state, index, weights)
    state["seen"] += 1
    return after


def at_random(state: dict[str, Any], index: Tensor, weights: Tensor) -> dict[str, Any]:
    return step(state, index, weights) | {"mean": [torch.randn(5, dtype=torch.float64)]}


def unweighted(state: dict[str, Any], index: Tensor, weights: Tensor) -> dict[str, Any]:
    return step(state, index, torch.ones_like(weights))


def without_graph(state: dict[str, Any], index: Tensor, weights: Tensor) -> dict[str, Any]:
    leaves = {name: p.detach().requires_grad_() for name, p in state["parameters"].items()}
    found = torch.autograd.grad(loss(leaves, index, weights), list(leaves.values()), create_graph=True)
    moved = zip(state["parameters"].items(), found, strict=True)
    return state | {"parameters": {name: p - 0.5 * g for (name, p), g in moved}}


def other_form(state: dict[str, Any], index: Tensor, weights: Tensor) -> dict[str, Any]:
    return {"parameters": step(state, index, weights)["parameters"]}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (in_place, "changes the state that it is given"),
        (at_random, "gives two different states"),
        (unweighted, "does not depend on the data weights"),
        (without_graph, "in which it really changes by"),
        (other_form, "returns another form"),
    ],
)
def test_what_no_score_could_be_trusted_of_is_refused(wrong: Any, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        record(wrong, start(), BATCHES, SAMPLES)


def test_a_state_holds_tensors_and_a_training_steps() -> None:
    with pytest.raises(StudyError, match="holds int"):
        record(step, {"rate": 3}, BATCHES, SAMPLES)
    with pytest.raises(StudyError, match="no steps"):
        record(step, start(), [], SAMPLES)
