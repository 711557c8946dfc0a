"""The record of a training is the same, however many steps are read from the device together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from hydra_steps.config.sections import RunSettings
from hydra_steps.errors import StudyError
from hydra_steps.trajectory import observer
from hydra_steps.trajectory.store import TrajectoryStore
from hydra_steps.trajectory.training import record_training
from tests.helpers.recorded import configuration
from tests.helpers.tiny import built

STEPS = 24  # eight epochs of three


def train(folder: Path, at_once: int | None, **settings: Any) -> TrajectoryStore:
    run, data = configuration(**settings)
    record_training(
        built(run, data), data, RunSettings.of(run), folder / "scratch", folder / "trajectory", at_once
    )
    return TrajectoryStore.open(folder / "trajectory")


@pytest.mark.parametrize("variant", ["plain", "batch_norm"])
@pytest.mark.parametrize("keep", ["all", "sqrt", {"every": 7}])
def test_the_bytes_do_not_depend_on_how_many_are_read_at_once(tmp_path, keep, variant):
    alone = train(tmp_path / "alone", None, keep=keep, variant=variant)
    assert len(alone.losses) == STEPS
    for at_once in (2, 3, 64):  # parts of an epoch, and whole epochs
        together = train(tmp_path / str(at_once), at_once, keep=keep, variant=variant)
        assert together.digest == alone.digest


def test_each_epoch_is_told_to_the_log_and_not_to_the_terminal(tmp_path, caplog, capfd):
    """A job's log keeps it; what a person sees of a whole study is somebody else's."""
    caplog.set_level("INFO", "hydra_steps")
    train(tmp_path, None)
    told = [message for message in caplog.messages if message.startswith("epoch ")]
    assert [line.split(":")[0] for line in told] == [f"epoch {n}/8" for n in range(1, 9)]
    assert all("training loss" in line for line in told)
    assert "epoch" not in capfd.readouterr().err


def test_a_loss_that_is_not_finite_is_found_at_its_own_step(tmp_path):
    messages = []
    for at_once in (1, 3):
        with pytest.raises(StudyError) as caught:
            train(tmp_path / str(at_once), at_once, learning_rate=1e38)
        messages.append(str(caught.value))
        assert not (tmp_path / str(at_once) / "trajectory").exists()
    assert messages[0] == messages[1]
    assert "at step 10;" in messages[0]  # the first of three that are read together


def test_a_training_that_broke_between_two_readings_is_continued(tmp_path, monkeypatch):
    whole = train(tmp_path / "whole", 3)
    end_epoch = observer.TrainingObserver._end_epoch

    def breaks(self: observer.TrainingObserver, epoch: int, state: Any) -> None:
        if epoch == 5:
            raise KeyboardInterrupt
        end_epoch(self, epoch, state)

    with monkeypatch.context() as patch:
        patch.setattr(observer.TrainingObserver, "_end_epoch", breaks)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "broken", 3)
    assert train(tmp_path / "broken", 3).digest == whole.digest


@pytest.mark.parametrize(("bytes_per_state", "expected"), [(100, 64), (2**26, 4), (2**40, 1), (0, 64)])
def test_what_waits_on_the_device_is_bounded(bytes_per_state, expected):
    assert observer.steps_at_once(torch.device("cuda"), bytes_per_state) == expected
    assert observer.steps_at_once(torch.device("cpu"), bytes_per_state) == 1
