"""DenseNet-40 with batch norm, at CIFAR-10's shape on real images: sweeps against unrolled autograd and differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from hydra_steps.data import fetch_data, load_run_data, noise_labels, split_data
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import run
from hydra_steps.scoring.hydra import hydra_exact, hydra_hessian_free
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import built
from tests.helpers.unrolled import unrolled_contribution

PARAMETERS = 176_122
QUERIES: list[dict[str, Any]] = [
    {"kind": "mean_loss", "split": "test"},
    {"kind": "sample_margin", "split": "validation", "samples": [1]},
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trajectory, QuerySet]:
    """Two steps of batches of 5 Fashion-MNIST images, padded to 32×32 and tripled to three channels; float64."""
    folder = tmp_path_factory.mktemp("densenet")
    files = folder / "splits.csv", folder / "labels.csv"
    fetch_data("fashion_mnist", "data")
    split_data("fashion_mnist", "data", 10, 10, 10, 0, files[0])
    noise_labels(files[0], "fashion_mnist", "data", "symmetric", {"rate": 0.0}, 0, files[1])
    data = load_run_data("fashion_mnist", "data", *files, pad=2, channels=3)
    assert data.train.inputs.shape == (10, 3, 32, 32)
    optimizer = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9, "weight_decay": 5e-4}
    settings = {
        "seed": 0,
        "model": {"name": "densenet40"},
        "training": {"epochs": 1, "batch_size": 5, "optimizer": optimizer},
        "compute": {"device": "cpu", "dtype": "float64"},
    }
    process = built(settings, data)
    assert process.initial_state().parameters.numel() == PARAMETERS
    trajectory = Trajectory.in_memory(process, [0.05] * process.steps)
    return trajectory, QuerySet(expand_queries(QUERIES, data), data, process)


@pytest.fixture(scope="module")
def exact(trained: tuple[Trajectory, QuerySet]) -> torch.Tensor:
    return hydra_exact(*trained).values


def test_exact_is_the_unrolled_derivative(trained: tuple[Trajectory, QuerySet], exact: torch.Tensor) -> None:
    trajectory, queries = trained
    expected = unrolled_contribution(trajectory.process, trajectory.rates, queries)
    assert torch.linalg.vector_norm(exact - expected) < 1e-9 * torch.linalg.vector_norm(expected)


def test_exact_is_the_slope_of_real_retraining(
    trained: tuple[Trajectory, QuerySet], exact: torch.Tensor
) -> None:
    """Of the running averages, too: the queries are evaluated with them. The change of the weight has to be tiny: a
    million ReLUs have a kink nearby.
    """
    trajectory, queries = trained
    process, size, sample = trajectory.process, 1e-8, int(trajectory.process.table[0][0])
    values = []
    for change in (size, -size):
        weights = torch.ones(process.samples, dtype=process.dtype)
        weights[sample] += change
        state = run(process, process.initial_state(), trajectory.rates, weights=weights)
        values.append(queries.values(state))
    slope = -(values[0] - values[1]) / (2 * size)
    assert torch.allclose(exact[:, sample], slope, rtol=1e-3, atol=1e-5)


def test_hessian_free_is_exact_in_the_last_step_alone(
    trained: tuple[Trajectory, QuerySet], exact: torch.Tensor
) -> None:
    trajectory, queries = trained
    free = hydra_hessian_free(trajectory, queries).values
    first, last = trajectory.process.table[0], trajectory.process.table[-1]
    assert not np.allclose(free[:, first], exact[:, first], rtol=1e-2)
    assert free.shape == exact.shape == (2, trajectory.process.samples)
    assert np.isfinite(free.numpy()).all()
    assert np.allclose(free[:, last], exact[:, last], rtol=1e-7)
