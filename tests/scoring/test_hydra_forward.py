"""The paper's forward recurrence against the reverse sweep, the closed form, and what a user may get wrong."""

from __future__ import annotations

import pytest
import torch

from hydra_steps.errors import StudyError
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.scoring.hydra import hydra_exact, hydra_hessian_free
from hydra_steps.scoring.hydra_forward import forward, hydra_forward, tracked_samples
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import CASES, relative_error, tiny_process
from tests.helpers.unrolled import unrolled_final_state

SPECS = [
    {"kind": "mean_loss", "split": "test"},
    {"kind": "sample_loss", "split": "validation", "samples": [0, 4]},
]


@pytest.mark.parametrize(("optimizer", "schedule", "variant"), CASES)
def test_forward_is_reverse_with_and_without_hessian(optimizer, schedule, variant):
    process, data, rates = tiny_process(optimizer, schedule, variant)
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    trajectory = Trajectory.in_memory(process, rates)
    for hessian, reverse in ((True, hydra_exact), (False, hydra_hessian_free)):
        tracked = [0, 5, 9]
        found = hydra_forward(trajectory, queries, samples=tracked, hessian=hessian)
        expected = reverse(trajectory, queries).values[:, tracked]
        assert relative_error(found.values[:, tracked], expected) <= 1e-8
        assert found.arrays["epoch_contribution"].shape == (3, 3, 3)


@pytest.mark.parametrize("sampling", ["shuffle", "with_replacement"])
def test_hypergradient_is_the_derivative_of_the_parameters(sampling):
    process, _, rates = tiny_process(sampling=sampling)
    trajectory = Trajectory.in_memory(process, rates, keep=[4])
    *_, (_, _, tangent) = forward(trajectory, torch.tensor([2, 5]), hessian=True)

    def parameters(weights: torch.Tensor) -> torch.Tensor:
        return unrolled_final_state(process, rates, weights).parameters

    jacobian = torch.autograd.functional.jacobian(
        parameters, torch.ones(process.samples, dtype=torch.float64)
    )
    assert relative_error(tangent.parameters, jacobian[:, [2, 5]].T) <= 1e-8


def test_only_tracked_samples_have_values():
    process, data, rates = tiny_process()
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    trajectory = Trajectory.in_memory(process, rates)
    options = {"samples": [7, 3], "keep_hypergradients": True}
    found = hydra_forward(trajectory, queries, **options)
    assert found.arrays["tracked"].tolist() == [3, 7]
    assert found.arrays["hypergradient"].shape == (3, 2, len(process.model.initial))
    assert torch.isfinite(found.values[:, [3, 7]]).all()
    assert torch.isnan(found.values[:, [0, 1, 2, 4, 5, 6, 8, 9, 10]]).all()
    assert len(tracked_samples(process, 0.3)) == 3


@pytest.mark.parametrize("samples", [[11], [-1]])
def test_a_tracked_sample_that_is_not_there_is_refused(samples):
    process, _, _ = tiny_process()
    with pytest.raises(StudyError, match="0 to 10"):
        tracked_samples(process, 0.01, samples)
