"""``keep: auto``: decided by the disk at the beginning, told, written down, kept by a continued training, and without a
trace in the scores."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hydra_steps.config.sections import RunSettings
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.scoring.hydra import hydra_exact
from hydra_steps.trajectory import arrays, automatic, recorder
from hydra_steps.trajectory.store import TrajectoryStore
from hydra_steps.trajectory.training import record_training
from hydra_steps.trajectory.trajectory import Trajectory
from hydra_steps.trajectory.writer import TrajectoryWriter
from tests.helpers.recorded import configuration
from tests.helpers.tiny import built

STEPS = 24  # eight epochs of three
SPARSE = {"every": 5}  # what `sqrt` keeps of 24 steps
PLENTY = 10**9


def train(folder: Path, **settings: Any) -> Trajectory:
    run, data = configuration(**settings)
    record_training(built(run, data), data, RunSettings.of(run), folder / "scratch", folder / "trajectory")
    return Trajectory.open(folder / "trajectory", data)


def free(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Have the disk say that so much is free."""
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**12, 10**12, size))


def scores(trajectory: Trajectory) -> np.ndarray:
    assert trajectory.data is not None
    specs = expand_queries([{"kind": "mean_loss", "split": "test"}], trajectory.data)
    return hydra_exact(trajectory, QuerySet(specs, trajectory.data, trajectory.process)).values.numpy()


def test_the_disk_decides_what_is_stored_and_nothing_else(tmp_path, monkeypatch, caplog) -> None:
    caplog.set_level("INFO", "hydra_steps")
    found = {}
    for size, kept in ((PLENTY, {"every": 1}), (150_000, SPARSE)):
        free(monkeypatch, size)
        found[size] = train(tmp_path / str(size), keep="auto")
        told = json.loads((tmp_path / str(size) / "trajectory" / "store.zarr" / "zarr.json").read_text())
        assert told["attributes"]["kept"] == kept
        assert found[size].store.manifest["attributes"]["kept"]
        assert list(found[size].checkpoints) == [*range(0, STEPS, kept["every"]), STEPS]
    assert [line.split(";")[0] for line in caplog.messages if line.startswith("keep: auto")] == [
        "keep: auto stores all 25 states, 27.2 KB",
        "keep: auto stores 6 of 25 states, one in 5, 6.53 KB",
    ]
    dense, sparse = (scores(trajectory) for trajectory in found.values())
    assert dense.tobytes() == sparse.tobytes()
    assert dense.any()


class Killed(BaseException):
    """The end of a process, as far as its files can tell."""


def interrupt(folder: Path, monkeypatch: pytest.MonkeyPatch, at: int = 12) -> None:
    """Begin a training under ``auto``, and end it after the state of step ``at``."""
    original = TrajectoryWriter.checkpoint

    def checkpoint(self: TrajectoryWriter, step: int, *state: np.ndarray) -> None:
        original(self, step, *state)
        if step >= at:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(recorder, "FLUSH_SECONDS", 0.0)
        patched.setattr(TrajectoryWriter, "checkpoint", checkpoint)
        with pytest.raises(Killed):
            train(folder, keep="auto")


@pytest.mark.parametrize(("before", "after"), [(PLENTY, 100_000), (150_000, PLENTY)])
def test_a_continued_training_keeps_what_it_began_with(tmp_path, monkeypatch, caplog, before, after) -> None:
    free(monkeypatch, before)
    whole = train(tmp_path / "whole", keep="auto")
    interrupt(tmp_path / "cut", monkeypatch)
    free(monkeypatch, after)
    caplog.set_level("INFO", "hydra_steps")
    continued = train(tmp_path / "cut", keep="auto")
    assert any(message.startswith("continuing from step") for message in caplog.messages)
    assert continued.digest == whole.digest


def test_a_training_whose_rest_no_longer_fits_begins_anew_with_fewer_states(
    tmp_path, monkeypatch, caplog
) -> None:
    monkeypatch.setattr(arrays.Shape.__init__, "__defaults__", (2200,))  # bytes of a block: two states
    free(monkeypatch, PLENTY)
    interrupt(tmp_path, monkeypatch, at=3)
    free(monkeypatch, 9000)
    caplog.set_level("INFO", "hydra_steps")
    trajectory = train(tmp_path, keep="auto")
    assert not any(message.startswith("continuing") for message in caplog.messages)
    assert trajectory.store.attributes["kept"] == SPARSE
    trajectory.store.verify()


@pytest.mark.parametrize(
    "content", ["", "[]", '{"attributes": {}}', '{"attributes": {"kept": {"every": 0}}}']
)
def test_what_says_nothing_of_how_a_training_began_is_passed_over(tmp_path, monkeypatch, content) -> None:
    free(monkeypatch, PLENTY)
    (tmp_path / "store.zarr").mkdir()
    (tmp_path / "store.zarr" / "zarr.json").write_text(content)
    assert automatic.automatic_keep(tmp_path, 100, 8) == {"every": 1}


def test_other_policies_write_nothing_of_it(tmp_path) -> None:
    assert "kept" not in TrajectoryStore.open(train(tmp_path, keep="all").store.folder).attributes
