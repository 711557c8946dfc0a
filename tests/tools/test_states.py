"""The codings of states give back every bit, and a trajectory's table says what they cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hydra_steps.config.sections import RunSettings
from hydra_steps.data import noise_labels, split_data
from hydra_steps.errors import StudyError
from hydra_steps.trajectory.training import train_model
from tools.states import CODECS, CODINGS, Found, table


def trajectory(folder: Path, keep: str, momentum: float = 0.9) -> Path:
    split_data("digits", "data", 64, 20, 20, 0, folder / "splits.csv")
    noise_labels(folder / "splits.csv", "digits", "data", "none", {}, 0, folder / "labels.csv")
    optimizer = {"name": "sgd", "learning_rate": 0.01, "momentum": momentum}
    settings = {
        "seed": 0,
        "data": {"name": "digits", "folder": "data"},
        "model": {"name": "mlp", "hidden": [32]},
        "training": {"epochs": 4, "batch_size": 16, "optimizer": optimizer},
        "trajectory": {"keep": keep},
    }
    out = folder / "trajectory"
    train_model(RunSettings.of(settings), folder / "splits.csv", folder / "labels.csv", out)
    return out


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("kind", ["u4", "u8"])
def test_a_coding_gives_back_every_bit(coding: str, kind: str) -> None:
    rows = np.random.default_rng(0).integers(0, np.iinfo(kind).max, (9, 2, 50), dtype=kind, endpoint=True)
    there, back = CODINGS[coding]
    kept = rows.copy()
    assert np.array_equal(back(there(rows)), kept)
    assert np.array_equal(rows, kept)


def test_numbers_that_change_little_have_their_common_bits_left_out() -> None:
    draw = np.random.default_rng(0)
    rows = draw.normal(0, 0.1, 5000) + draw.normal(0, 1e-5, (16, 5000)).cumsum(0)
    rows = rows.astype("f4").view("u4")
    sizes = {}
    for name, coding in CODINGS.items():
        found = Found()
        found.add(rows, CODECS["zstd 1, bytes shuffled"], coding)
        sizes[name] = found.small / found.whole
    assert sizes["XOR"] < 0.8 * sizes["as they are"] < 0.8


def test_the_table_has_every_way_for_each_array(tmp_path: Path) -> None:
    lines = table(trajectory(tmp_path, "all"))
    rows = [line.split(" | ")[:3] for line in lines if line.startswith(("| parameters", "| slots"))]
    assert len(rows) == 2 * len(CODINGS) * len(CODECS)
    assert lines[0].startswith("16 steps of ")


def test_no_slots_no_rows_and_sparse_trajectories_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert not any(line.startswith("| slots") for line in table(trajectory(tmp_path / "a", "all", 0.0)))
    with pytest.raises(StudyError, match="does not hold every state"):
        table(trajectory(tmp_path / "b", "sqrt"))
