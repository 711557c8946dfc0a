"""Ratios are taken turn by turn, and their median and quartiles are reported."""

from __future__ import annotations

import pandas as pd
import pytest

from hydra_steps.errors import StudyError
from hydra_steps.evaluation.speed import describe_speed
from hydra_steps.evaluation.tables import read_table


def _write(folder, readings):
    path = folder / "runs" / "base-seed0" / "timing" / "seconds.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = ["contestant", "queries", "tracked", "steps", "repeat", "seconds"]
    pd.DataFrame(readings, columns=columns).to_csv(path, index=False)
    return path


def test_a_machine_that_slows_down_does_not_change_a_ratio(tmp_path):
    slowness = [1, 1, 4, 2, 1]
    readings = [("plain_training", 0, 0, 10, turn, 2.0 * slow) for turn, slow in enumerate(slowness)]
    readings += [("hydra_exact", 1, 50, 10, turn, 3.0 * slow) for turn, slow in enumerate(slowness)]
    describe_speed([_write(tmp_path, readings)], tmp_path / "speed.csv")
    table = read_table(tmp_path / "speed.csv").set_index(["run", "method", "metric"])
    ratio = table.loc[("base-seed0", "hydra_exact", "ratio_to_plain")]
    assert (ratio["value"], ratio["ci_low"], ratio["ci_high"], ratio["n"]) == (1.5, 1.5, 1.5, 5)
    step = table.loc[("base-seed0", "hydra_exact", "seconds_per_step")]
    assert (step["value"], step["ci_low"], step["ci_high"]) == (0.3, 0.3, 0.6)


def test_readings_without_plain_training_are_refused(tmp_path):
    path = _write(tmp_path, [("hydra_exact", 1, 50, 10, 0, 3.0)])
    with pytest.raises(StudyError, match="no readings of plain_training"):
        describe_speed([path], tmp_path / "speed.csv")
