"""TracIn against a loop over samples and against captum's TracInCP; the cosine against autograd."""

from __future__ import annotations

import pytest
import torch
from captum.influence import TracInCP
from torch.utils.data import TensorDataset

from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.scoring.gradient_cosine import gradient_cosine
from hydra_steps.scoring.modules import module_at
from hydra_steps.scoring.tracin import checkpoint_steps, tracin
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import relative_error, tiny_data, tiny_process

SPECS = [{"kind": "mean_loss", "split": "test"}, {"kind": "sample_margin", "split": "validation", "count": 2}]


def _run(optimizer="momentum", variant="plain", specs=SPECS, **training):
    process, data, rates = tiny_process(
        optimizer, "cosine", variant, data=tiny_data(samples=12), epochs=5, **training
    )
    queries = QuerySet(expand_queries(specs, data), data, process)
    return process, data, rates, Trajectory.in_memory(process, rates, [3]), queries


def _gradient(process, state, n):
    parameters = state.parameters.clone().requires_grad_()
    logits = process.model.logits(parameters, state.buffers, process.inputs[n : n + 1])
    loss = process.loss.values(logits, process.targets[n : n + 1]).sum()
    return torch.autograd.grad(loss, parameters)[0]


@pytest.mark.parametrize(
    ("optimizer", "repeats"), [("sgd", 1.0), ("momentum", 10.0), ("dampened", 0.7 / 0.2), ("adam", 1.0)]
)
@pytest.mark.parametrize("sampling", ["shuffle", "with_replacement"])
@pytest.mark.parametrize("checkpoints", [None, 2])
def test_tracin_is_a_loop(optimizer, repeats, sampling, checkpoints):
    process, _, rates, trajectory, queries = _run(optimizer, sampling=sampling)
    steps = [15, 12, 9, 6, 3][::-1] if checkpoints is None else [9, 15]
    expected, before = torch.zeros(len(queries), process.samples, dtype=torch.float64), 0
    for step in steps:
        state = trajectory.state(step)
        by_query = queries.cotangents(state).parameters
        for t in range(before, step):
            for n in process.batch(t).index.tolist():
                size = repeats * rates[t] / len(process.batch(t))
                expected[:, n] += size * by_query @ _gradient(process, state, n)
        before = step
    found = tracin(trajectory, queries, checkpoints=checkpoints)
    assert found.diagnostics["checkpoints"] == steps
    assert relative_error(found.values, expected) <= 1e-10


def test_tracin_is_captums():
    process, data, rates, _, queries = _run("sgd", specs=SPECS[:1])
    trajectory = Trajectory.in_memory(process, rates)

    def load(module, step):
        module.load_state_dict(trajectory.state_dict(step))
        return 1.0  # the rate that captum multiplies a checkpoint's products with

    single = TracInCP(
        module_at(trajectory),
        TensorDataset(process.inputs, process.targets),
        checkpoint_steps(trajectory, None),
        checkpoints_load_func=load,
        loss_fn=torch.nn.CrossEntropyLoss(reduction="none"),
        batch_size=5,
    )
    test = torch.tensor(data.test.inputs, dtype=torch.float64), torch.tensor(data.test.targets)
    captums = single.influence(test).mean(0)  # [n]
    trajectory.rates = [4.0] * process.steps  # in batches of 4, so that η / |B| is 1 as well
    assert relative_error(tracin(trajectory, queries).values[0], captums) <= 1e-10


@pytest.mark.parametrize("variant", ["plain", "batch_norm", "dropout"])
def test_cosine_is_a_loop(variant):
    process, _, _, trajectory, queries = _run(variant=variant)
    final = trajectory.final_state
    by_query = queries.cotangents(final).parameters
    expected = torch.stack(
        [
            torch.cosine_similarity(by_query, _gradient(process, final, n)[None])
            for n in range(process.samples)
        ],
        1,
    )
    found = gradient_cosine(trajectory, queries).values
    assert relative_error(found, expected) <= 1e-10
    assert gradient_cosine(trajectory, QuerySet([], _run()[1], process)).values.shape == (0, 12)


def test_checkpoints_are_spread_evenly():
    _, _, _, trajectory, _ = _run()
    assert [checkpoint_steps(trajectory, count) for count in (1, 3, 9)] == [
        [15],
        [6, 12, 15],
        [3, 6, 9, 12, 15],
    ]
