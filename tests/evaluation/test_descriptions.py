"""The tables that describe a study: training curves, realised noise, cost."""

import numpy as np
import pandas as pd
import pytest
import zarr

from hydra_steps.errors import StudyError
from hydra_steps.evaluation.contributions import describe_contributions
from hydra_steps.evaluation.cost import describe_cost
from hydra_steps.evaluation.noise import describe_noise, transition_matrix
from hydra_steps.evaluation.statuses import describe_statuses
from hydra_steps.evaluation.training import describe_training
from hydra_steps.tables.tidy import read_table
from hydra_steps.trajectory.writer import TrajectoryWriter
from tests.helpers.artifacts import located


def trajectory(folder, run, loss):
    """A recorded training of one step an epoch."""
    path = folder / "runs" / run / "trajectory"
    sizes = {"steps": len(loss), "batch_size": 1, "parameters": 1, "slots": 0, "buffers": 0}
    state = np.zeros(1, np.float32), np.zeros((0, 1), np.float32), np.zeros(0, np.float32)
    shape = {**sizes, "dtype": "float32", "checkpoints": [0, len(loss)]}
    with TrajectoryWriter.create(path.parent / ".scratch", attributes={}, **shape) as writer:
        writer.checkpoint(0, *state)
        for step, value in enumerate(loss, 1):
            writer.record(step, batch=np.array([0]), learning_rate=0.1, loss=value, gradient_norm=1.0)
            writer.epoch(step, train_loss=value, test_accuracy=value)
        writer.checkpoint(len(loss), *state)
        writer.finish()
        writer.publish(path)
    return located(path)


def test_training_curves(tmp_path):
    paths = [trajectory(tmp_path, "base-seed0", [3, 2]), trajectory(tmp_path, "base-seed1", [5, 2])]
    describe_training(paths, tmp_path / "t.csv")
    table = read_table(tmp_path / "t.csv")
    assert set(table["metric"]) == {"train_loss", "test_accuracy"}
    summary = table[(table["seed"] == "all") & (table["metric"] == "train_loss")].set_index("epoch")
    assert summary["value"].to_dict() == {1: 4, 2: 2}
    assert summary["sd_seeds"].to_dict() == {1: pytest.approx(2**0.5), 2: 0}


def test_a_trajectory_that_is_not_whole_is_refused(tmp_path):
    artifact = trajectory(tmp_path, "base-seed0", [3, 2])
    zarr.open_group(str(artifact.path / "store.zarr"))["epoch_train_loss"][0] = 1
    with pytest.raises(StudyError, match="changed after training"):
        describe_training([artifact], tmp_path / "t.csv")


def test_transition_matrix():
    clean, label = np.array([0, 0, 0, 2]), np.array([0, 1, 1, 2])
    expected = np.zeros((3, 3), int)
    for a, b in zip(clean, label, strict=True):
        expected[a, b] += 1
    assert np.array_equal(transition_matrix(clean, label), expected)
    assert transition_matrix(clean[:0], label[:0]).shape == (0, 0)


def test_noise(study, tmp_path):
    path = study.labels([False, True, True, False], clean=[0, 0, 0, 2], label=[0, 1, 1, 2])
    describe_noise([path], tmp_path / "n.csv")
    table = read_table(tmp_path / "n.csv")
    table = table[table["seed"] == "0"]
    assert table[table["metric"] == "rate"]["value"].item() == 0.5
    cells = {
        (r.clean_label, r.label): (r.value, r.n) for r in table[table["metric"] == "transition"].itertuples()
    }
    assert cells[0, 1] == (pytest.approx(2 / 3), 3)
    assert cells[2, 2] == (1, 1)
    assert np.isnan(cells[1, 1][0])
    assert cells[1, 1][1] == 0


def test_contributions(study, tmp_path):
    c = np.random.default_rng(0).normal(size=60)
    noisy = np.arange(60) < 10
    scores = [study.scores("a", c), study.scores("b", np.where(noisy, np.nan, c))]
    describe_contributions(scores, [study.labels(noisy)], tmp_path / "c.csv")
    table = read_table(tmp_path / "c.csv")
    table = table[table["seed"] == "0"]
    wrong = table[(table["method"] == "a") & (table["is_noisy"] == 1)].set_index("level")
    assert len(wrong) == 101
    assert (wrong["n"] == 10).all()
    assert wrong.loc[0, "value"] == pytest.approx(c[:10].min())
    assert wrong.loc[0.5, "value"] == pytest.approx(np.median(c[:10]))
    assert wrong.loc[1, "value"] == pytest.approx(c[:10].max())
    assert set(table[table["method"] == "b"]["is_noisy"]) == {0}


def test_cost(study, tmp_path):
    paths = [
        study.scores("a", [1.0], seconds=3, seconds_training=2.0, peak_memory_bytes=10**9),
        study.scores("b", [1.0], seconds=3.0),
    ]
    describe_cost(paths, tmp_path / "c.csv")
    table = read_table(tmp_path / "c.csv")
    cells = {(r.method, r.metric): r.value for r in table[table["seed"] == "0"].itertuples()}
    assert cells["a", "ratio_to_training"] == 1.5
    assert cells["a", "peak_memory_bytes"] == 10**9
    assert ("b", "ratio_to_training") not in cells
    assert np.isnan(cells["b", "seconds_training"])


def test_statuses_say_why_a_method_has_no_scores(study, tmp_path):
    none = np.full(3, np.nan)
    paths = [
        study.scores("a", [1.0, 2.0, 3.0], run="base-seed0", status="scored"),
        study.scores("a", none, run="base-seed1", status="diverged: it grew: fast; expected: less"),
        study.scores("b", none, run="base-seed0", status="unsuited: one class"),
        study.scores("b", none, run="base-seed1", status="unsuited: one class"),
        study.scores("c", [1.0, 2.0, 3.0], run="base-seed0"),
        study.scores("c", [1.0, 2.0, 3.0], run="base-seed1"),
    ]
    describe_statuses(paths, tmp_path / "s.csv")
    table = pd.read_csv(tmp_path / "s.csv", dtype=str, keep_default_na=False).set_index(["method", "seed"])
    assert list(table.loc["a", "status"]) == ["scored", "diverged", "diverged in 1 of 2 runs"]
    assert list(table.loc["a", "reason"]) == ["", *["it grew: fast; expected: less"] * 2]
    assert list(table.loc["b", "status"]) == ["unsuited"] * 3
    assert set(table.loc["c", "status"]) == {"scored"}
    assert table.loc[("a", "all"), "run"] == "base"
