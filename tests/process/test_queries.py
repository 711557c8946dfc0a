"""Queries: names, values, gradients, and what a user may get wrong."""

from __future__ import annotations

import pytest
import torch

from hydra_steps.errors import StudyError
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import run
from tests.helpers.tiny import relative_error, tiny_data, tiny_process

SPECS = [
    {"kind": "mean_loss", "split": "test"},
    {"kind": "class_loss", "split": "validation"},
    {"kind": "sample_loss", "split": "test", "count": 2},
    {"kind": "sample_margin", "split": "train", "samples": [1]},
]


@pytest.mark.parametrize("variant", ["plain", "batch_norm"])
def test_values_and_cotangents_are_those_of_each_query_alone(variant):
    process, data, rates = tiny_process(variant=variant)
    state = run(process, process.initial_state(), rates)
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    assert queries.names == [
        "test_mean",
        *(f"validation_class_{c}" for c in range(3)),
        *("test_sample_0", "test_sample_1", "train_margin_1"),
    ]
    values, cotangents = queries.values(state), queries.cotangents(state)
    for q, query in enumerate(queries.queries):
        leaves = [state.parameters.clone().requires_grad_(), state.buffers.clone().requires_grad_()]
        value = queries.value(query, *leaves)
        assert abs(value.item() - values[q]) <= 1e-12
        by_parameters, by_buffers = torch.autograd.grad(value, leaves, allow_unused=True)
        assert relative_error(cotangents.parameters[q], by_parameters) <= 1e-12
        if by_buffers is not None:
            assert relative_error(cotangents.buffers[q], by_buffers) <= 1e-12
    assert (cotangents.slots == 0).all()


def test_margin_is_the_log_odds_of_the_label():
    process, data, rates = tiny_process()
    state = run(process, process.initial_state(), rates)
    queries = QuerySet(
        expand_queries([{"kind": "sample_margin", "split": "test", "samples": [2]}], data), data, process
    )
    images = torch.tensor(data.test.inputs[2:3], dtype=torch.float64)
    p = process.model.logits(state.parameters, state.buffers, images).softmax(-1)[
        0, int(data.test.targets[2])
    ]
    assert abs(queries.values(state)[0] - torch.log(p / (1 - p))) <= 1e-10


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "sample_loss", "split": "test", "samples": [7]}, "0 to 6"),
        ({"kind": "sample_loss", "split": "test", "samples": [-1]}, "0 to 6"),
        ({"kind": "mean_los", "split": "test"}, "did you mean 'mean_loss'"),
    ],
)
def test_a_query_that_does_not_exist_is_refused(spec, message):
    with pytest.raises(StudyError, match=message):
        expand_queries([spec], tiny_data())


def test_a_query_asked_twice_is_refused():
    with pytest.raises(StudyError, match="test_mean is asked for twice"):
        expand_queries([SPECS[0], SPECS[0]], tiny_data())
