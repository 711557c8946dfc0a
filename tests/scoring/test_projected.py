"""TRAK and data value embedding (dattri) against plain loops in float64."""

from __future__ import annotations

import pytest
import torch

from hydra_steps.errors import StudyError
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.scoring.data_value_embedding import data_value_embedding
from hydra_steps.scoring.gradient_products import per_sample_gradients
from hydra_steps.scoring.trak import trak
from hydra_steps.tasks.classes import margins
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.projections import projection
from tests.helpers.tiny import relative_error, tiny_data, tiny_process

SPECS = [{"kind": "mean_loss", "split": "test"}, {"kind": "sample_margin", "split": "validation", "count": 2}]


def _run(optimizer="momentum", variant="plain"):
    process, data, rates = tiny_process(optimizer, "cosine", variant, data=tiny_data(samples=11), epochs=4)
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    return process, Trajectory.in_memory(process, rates), queries


@pytest.mark.parametrize("variant", ["plain", "batch_norm"])
def test_trak_is_its_formula(variant, capsys):
    process, trajectory, queries = _run(variant=variant)
    width, steps = 5, [6, 12]
    first, misses = 0, 0
    for index, step in enumerate(steps):
        state = trajectory.state(step)

        def sample_margins(p, state=state):
            return margins(process.model.logits(p, state.buffers, process.inputs), process.targets)

        P = projection(len(state.parameters), width, index)
        features = torch.autograd.functional.jacobian(sample_margins, state.parameters) @ P
        by_query = queries.cotangents(state).parameters @ P
        first = first + by_query @ torch.linalg.inv(features.T @ features) @ features.T / len(steps)
        probabilities = process.model.logits(state.parameters, state.buffers, process.inputs).softmax(-1)
        misses = misses + (1 - probabilities[torch.arange(process.samples), process.targets]) / len(steps)
    found = trak(trajectory, queries, checkpoints=2, projection=width)
    assert found.diagnostics == {"checkpoints": steps, "projection": width, "samples_without_gradient": 0}
    assert relative_error(found.values, -first * misses) <= 1e-5
    assert capsys.readouterr().err == ""  # no bar of dattri's own


@pytest.mark.parametrize(("optimizer", "repeats"), [("sgd", 1.0), ("momentum", 10.0)])
def test_embedding_is_the_sweep_with_the_empirical_fisher(optimizer, repeats, capsys):
    process, trajectory, queries = _run(optimizer)
    u = queries.cotangents(trajectory.final_state).parameters
    expected = torch.zeros(len(queries), process.samples, dtype=torch.float64)
    for step in reversed(range(process.steps)):
        batch = process.batch(step)
        gradients = per_sample_gradients(process, trajectory.state(step), batch)
        rate = repeats * trajectory.rates[step] / len(batch)
        products = u @ gradients.T
        expected.index_add_(1, batch.index, rate * products)
        u = u - rate * products @ gradients
    found = data_value_embedding(trajectory, queries, projection=None)
    assert relative_error(found.values, expected) <= 1e-8
    assert "DVEmb" not in capsys.readouterr().err


def test_a_wide_projection_comes_near_and_repeats():
    _, trajectory, queries = _run()
    exact = data_value_embedding(trajectory, queries, projection=None).values
    near = data_value_embedding(trajectory, queries, projection=60).values
    assert torch.corrcoef(torch.stack([exact.ravel(), near.ravel()]))[0, 1] > 0.8
    assert torch.equal(near, data_value_embedding(trajectory, queries, projection=60).values)


def test_batch_norm_is_refused_by_name():
    _, trajectory, queries = _run(variant="batch_norm")
    with pytest.raises(StudyError, match="layers of type BatchNorm"):
        data_value_embedding(trajectory, queries)
