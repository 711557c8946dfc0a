"""A GPU gives what the processor gives, within single precision's rounding, and the same bytes in every run.

Skipped, and said so, where PyTorch finds no CUDA device.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from hydra_steps.config.sections import Compute
from hydra_steps.process.compute import prepare_compute
from hydra_steps.process.process import Process
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.registry import load
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import built, tiny_data, tiny_settings

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")

# Relative to the largest entry. Float32 rounds to 6e-8; sums over a batch and some tens of steps lose two to three
# digits of that, and the sweep's products with the Hessian lose another.
PARAMETERS, CONTRIBUTIONS = 1e-4, 1e-3
RATE = 0.05


@pytest.fixture(autouse=True)
def _switches():
    yield
    torch.use_deterministic_algorithms(False)


def process_on(device: str, name: str) -> tuple[Process, Any]:
    settings = tiny_settings()
    settings |= {"model": {"name": name}, "compute": {"device": device, "dtype": "float32", "threads": 1}}
    prepare_compute(Compute(device=device))
    data = tiny_data()
    return built(settings, data), data


def largest_difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    found, expected = found.double().cpu(), expected.double().cpu()
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("name", ["lenet5_tanh", "lenet5_relu", "mlp", "densenet40"])
def test_training_on_both(name: str) -> None:
    ends = []
    for device in ("cpu", "cuda", "cuda"):
        process, _ = process_on(device, name)
        ends.append(Trajectory.in_memory(process, [RATE] * process.steps).final_state)
    assert largest_difference(ends[1].parameters, ends[0].parameters) < PARAMETERS
    assert all(torch.equal(a, b) for a, b in zip(ends[1], ends[2], strict=True))


@pytest.mark.parametrize(
    "method", ["hydra_exact", "hydra_gauss_newton", "hydra_hessian_free", "influence_cg", "tracin"]
)
def test_contributions_on_both(method: str) -> None:
    values = []
    for device in ("cpu", "cuda"):
        process, data = process_on(device, "lenet5_tanh")
        trajectory = Trajectory.in_memory(process, [RATE] * process.steps)
        specs = [{"kind": "mean_loss", "split": "test"}]
        queries = QuerySet(expand_queries(specs, data), data, process)
        values.append(load("method", method)(trajectory, queries).values)
    assert largest_difference(values[1], values[0]) < CONTRIBUTIONS
    assert np.isfinite(values[1].cpu().numpy()).all()
