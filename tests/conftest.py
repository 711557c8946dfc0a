"""What tests of several folders share: a finished study, and a tree in which nothing has been run."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydra_steps.data import noise_labels, split_data
from hydra_steps.trajectory.training import train_model
from tests.workflow.conftest import Tree, copy_tree


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A finished study; not to be changed."""
    tree = copy_tree(tmp_path_factory.mktemp("study") / "tree")
    tree.run("--cores", "2")
    return tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A copy of the workflow in which nothing has been run."""
    return copy_tree(tmp_path / "tree")


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """A run's folder: digits, 60 training samples, four epochs of batches of 16, every third state kept."""
    folder = tmp_path_factory.mktemp("results") / "runs" / "base-seed1"
    folder.mkdir(parents=True)
    data = str(folder / "data")
    split_data("digits", data, 60, 20, 30, 0, folder / "splits.csv")
    noise_labels(folder / "splits.csv", "digits", data, "symmetric", {"rate": 0.1}, 1, folder / "labels.csv")
    settings = {
        "seed": 1,
        "data": {"name": "digits", "folder": data},
        "model": {"name": "mlp", "hidden": [6]},
        "training": {
            "epochs": 4,
            "batch_size": 16,
            "optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 5e-4},
        },
        "trajectory": {"keep": {"every": 3}},
        "compute": {"device": "cpu", "dtype": "float32", "threads": 1},
    }
    train_model(settings, folder / "splits.csv", folder / "labels.csv", folder / "trajectory")
    return folder
