"""What tests of several folders share: a finished study, a tree in which nothing has been run, and their order."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from hydra_steps.config.sections import RunSettings
from hydra_steps.data import noise_labels, split_data
from hydra_steps.jobs import COLLECT
from hydra_steps.registry.plugins import VARIABLE
from hydra_steps.trajectory.training import train_model
from tests.workflow.conftest import Tree, copy_tree

# As in a job (hydra_steps/job_start): what is imported stays, and to look for rubbish in it takes a tenth of all time.
gc.set_threshold(100_000, 50, 50)
# What tests start, hundreds of processes, is compiled once.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Whole studies, slowest first: what begins last alone would keep a processor waiting. The jobs of a Slurm mostly wait:
# its two files come first and fourth, to one of three workers, beside what computes.
FIRST = (
    "slurm/test_failures.py",
    "workflow/test_study.py",
    "workflow/test_audit.py",
    "slurm/test_study.py",
    "workflow/test_explain.py",
    "workflow/test_module.py",
    "workflow/test_plugin.py",
    "workflow/test_own_data.py",
    "workflow/test_refused.py",
    "workflow/test_orphans.py",
    "workflow/test_own_table.py",
    "workflow/test_any_task.py",
    "workflow/test_terminal.py",
    "workflow/test_reruns.py",
    "workflow/test_snakemakes_ways.py",
    "workflow/test_verify.py",
    "workflow/test_provenance.py",
    "figures/test_plots.py",
    "scoring/test_against_reality.py",
    "scoring/test_every_task.py",
    "evaluation/test_group_intervals.py",
    "trajectory/test_faults_killed.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow files first, with the tests of each in their order."""
    here = Path(__file__).parent
    place = {here / name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


def pytest_collection_finish() -> None:
    """Keep what was imported out of every later search for rubbish."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)


@pytest.fixture(autouse=True)
def plugins_as_before() -> Iterator[None]:
    """What plug-ins a test uses are its own: reading a study sets them for the process."""
    before = os.environ.get(VARIABLE)
    yield
    os.environ.pop(VARIABLE, None)
    if before is not None:
        os.environ[VARIABLE] = before


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A finished study, made once for all workers; not to be changed."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, done = base / "study", base / "study.done"
    with FileLock(base / "study.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            copy_tree(folder).run("--cores", "2")
            done.touch()
    return Tree(folder)


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
    train_model(RunSettings.of(settings), folder / "splits.csv", folder / "labels.csv", folder / "trajectory")
    return folder
