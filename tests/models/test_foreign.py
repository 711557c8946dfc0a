"""Anyone's model: its scores are those of autograd through its own training, or it is refused by name."""

from __future__ import annotations

import pytest
import torch

from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.scoring.hydra import hydra_exact
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.foreign import foreign_process, plain_contribution
from tests.helpers.tiny import relative_error
from tests.helpers.unrolled import unrolled_contribution

SPECS = [{"kind": "sample_loss", "split": "test", "samples": [0, 2]}]
AS_WRITTEN = [
    "layer_norm",
    "instance_norm",
    "residual_sequence",
    "forward_hook",
    "used_twice",
    "twice_in_a_sequence",
    "tied",
    "frozen",
    "masks",
    "attention",
    "recurrent",
]
TAKEN_OVER = ["dropout", "batch_norm", "plain_batch_norm", "attention_dropout"]


def _scored(kind):
    process, data, rates = foreign_process(kind)
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    return process, data, rates, queries, hydra_exact(Trajectory.in_memory(process, rates), queries).values


@pytest.mark.parametrize("kind", AS_WRITTEN)
def test_scores_are_autograd_through_the_training_of_the_module_as_it_was_written(kind):
    process, data, rates, _, found = _scored(kind)
    chosen = SPECS[0]["samples"]
    images = torch.from_numpy(data.test.images[chosen]).double()
    expected = plain_contribution(process, rates, images, torch.from_numpy(data.test.labels[chosen]))
    assert expected.abs().max() > 1e-6
    assert relative_error(found, expected) <= 1e-8


@pytest.mark.parametrize("kind", TAKEN_OVER)
def test_scores_through_layers_that_are_taken_over_are_autograd_through_their_training(kind):
    process, _, rates, queries, found = _scored(kind)
    expected = unrolled_contribution(process, rates, queries)
    assert expected.abs().max() > 1e-6
    assert relative_error(found, expected) <= 1e-8
