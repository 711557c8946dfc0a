"""Reading a trajectory as a user would: states, modules, segments, and what is refused."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from hydra_steps.config.sections import Model, RunSettings
from hydra_steps.data import noise_labels, split_data
from hydra_steps.errors import StudyError
from hydra_steps.process.building import build_process
from hydra_steps.process.running import run
from hydra_steps.trajectory import arrays
from hydra_steps.trajectory.training import train_model, versions
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import tiny_process


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of three epochs on digits, every seventh state kept."""
    folder = tmp_path_factory.mktemp("run")
    split_data("digits", "data", 60, 20, 30, 0, folder / "splits.csv")
    noise_labels(
        folder / "splits.csv", "digits", "data", "symmetric", {"rate": 0.1}, 0, folder / "labels.csv"
    )
    settings = {
        "seed": 0,
        "data": {"name": "digits", "folder": "data"},
        "model": {"name": "mlp", "hidden": [6], "batch_norm": True},
        "training": {
            "epochs": 3,
            "batch_size": 16,
            "optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.0},
        },
        "trajectory": {"keep": {"every": 7}},
        "compute": {"device": "cpu", "dtype": "float32", "threads": 1},
    }
    train_model(RunSettings.of(settings), folder / "splits.csv", folder / "labels.csv", folder / "trajectory")
    return folder


def test_any_step_can_be_had_as_a_vector_or_as_a_module(folder):
    trajectory = Trajectory.open(folder / "trajectory")
    assert list(trajectory.checkpoints) == [0, 7, 12]
    fresh = run(trajectory.process, trajectory.process.initial_state(), trajectory.rates, 0, 9)
    assert trajectory.state(9).equal(fresh)
    module = trajectory.model_at(9)
    images = torch.tensor(trajectory.data.test.inputs)
    logits = trajectory.process.model.logits(fresh.parameters, fresh.buffers, images)
    assert torch.allclose(module(images), logits, atol=1e-6)
    accuracy = (trajectory.model_at(12)(images).argmax(1).numpy() == trajectory.data.test.targets).mean()
    assert accuracy == trajectory.store.epochs["epoch_test_accuracy"][-1]
    with pytest.raises(StudyError, match="from 0 to 12"):
        trajectory.state(13)


def test_segments_cover_every_step_once_forwards_and_backwards(folder):
    trajectory = Trajectory.open(folder / "trajectory")
    forwards, backwards = list(trajectory.segments()), list(trajectory.segments(reverse=True))
    assert [step for s in forwards for step in range(s.start, s.stop)] == list(range(12))
    assert [s.start for s in backwards] == [s.start for s in reversed(forwards)]
    assert all(a.equal(b) for a, b in zip(forwards[0].states, backwards[-1].states, strict=True))


def test_large_states_are_read_a_few_at_a_time(monkeypatch):
    process, _, rates = tiny_process()
    trajectory = Trajectory.in_memory(process, rates)
    together = list(trajectory.segments())
    assert [len(segment.states) for segment in together] == [process.steps]
    monkeypatch.setattr(arrays, "SEGMENT_BYTES", 3 * process.bytes_per_state - 1)
    assert process.bytes_per_state == sum(x.numel() * x.element_size() for x in trajectory.final_state)
    apart = list(trajectory.segments(reverse=True))
    assert {len(segment.states) for segment in apart} <= {1, 2}
    assert [s.start for s in apart] == list(range(0, process.steps, 2))[::-1]
    monkeypatch.setattr(arrays, "SEGMENT_BYTES", 1)
    assert [len(segment.states) for segment in trajectory.segments()] == [1] * process.steps


def test_a_replay_that_ends_elsewhere_is_refused_or_measured():
    process, _, rates = tiny_process()
    trajectory = Trajectory.in_memory(process, rates, keep=[4])
    load = trajectory.load

    def moved(step):
        state = load(step)
        return state._replace(parameters=state.parameters + 1e-7) if step == 4 else state

    trajectory.load = moved
    with pytest.raises(StudyError, match=r"steps 0 to 4 ends 1e-07 away.*the same bits"):
        list(trajectory.segments())
    trajectory.attributes = {"versions": versions() | {"processor": "x86_64 OTHER"}}
    now = re.escape(versions()["processor"])  # with its instruction set, which may be all that differs
    with pytest.raises(StudyError, match=rf"processor x86_64 OTHER; now: .*processor {now}"):
        list(trajectory.segments())
    trajectory.tolerance = 1e-6
    list(trajectory.segments())
    assert (
        0.9e-7 < trajectory.largest_deviation < 3e-7
    )  # the end of the first segment and the start of the next
    trajectory.tolerance = 1e-8
    with pytest.raises(StudyError, match="at most 1e-08"):
        list(trajectory.segments())


def test_labels_changed_after_training_are_refused(folder, tmp_path):
    labels = pd.read_csv(folder / "labels.csv")
    labels.loc[0, "label"] = (labels.loc[0, "label"] + 1) % 10
    labels["is_noisy"] = (labels["label"] != labels["clean_label"]).astype(int)
    other = tmp_path / "run"
    other.mkdir()
    (other / "trajectory").symlink_to(folder / "trajectory")
    (other / "splits.csv").write_text((folder / "splits.csv").read_text())
    labels.to_csv(other / "labels.csv", index=False)
    with pytest.raises(StudyError, match="train again: the labels or splits have changed"):
        Trajectory.open(other / "trajectory")


def test_a_model_that_is_built_otherwise_now_is_refused(folder, monkeypatch):
    def other(settings, data):
        return build_process(replace(settings, model=Model.of({"name": "mlp", "hidden": [7]})), data)

    monkeypatch.setattr("hydra_steps.trajectory.same_process.build_process", other)
    with pytest.raises(StudyError, match="another parameter layout"):
        Trajectory.open(folder / "trajectory")


def test_a_loss_that_is_not_finite_stops_the_training_at_its_step(folder, tmp_path):
    trajectory = Trajectory.open(folder / "trajectory")
    settings = json.loads(json.dumps(trajectory.attributes["config"]))
    settings["model"]["batch_norm"] = False  # which would keep the loss finite
    settings["training"]["optimizer"]["learning_rate"] = 1e38
    with pytest.raises(StudyError, match="at step [0-9]"):
        train_model(
            RunSettings.of(settings), folder / "splits.csv", folder / "labels.csv", tmp_path / "trajectory"
        )
    assert not (tmp_path / "trajectory").exists()


def test_it_reads_as_an_xarray_and_verifies(folder):
    store = Trajectory.open(folder / "trajectory").store
    store.verify()
    dataset = store.to_xarray()
    assert np.array_equal(dataset["loss"].values, store.losses)
