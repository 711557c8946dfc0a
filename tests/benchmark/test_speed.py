"""Ratios are to plain training beside each reading; sizes give exponents; only a good fit is continued, and marked."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from hydra_steps.benchmark.speed import describe_speed
from hydra_steps.benchmark.speed_summary import summarise_speed
from hydra_steps.errors import StudyError
from tests.helpers.artifacts import located

KEYS = ["contestant", "axis", "queries", "tracked", "samples", "parameters", "steps"]
SLOWNESS = [1, 1, 4, 2, 1]


def reading(name, seconds, axis="main", queries=1, tracked=512, samples=512, steps=16):
    return [
        (name, axis, queries, tracked, samples, 61_706, steps, turn, seconds * slow, 2.0 * slow)
        for turn, slow in enumerate(SLOWNESS)
    ]


def tables(folder, readings, all_samples=60_000):
    """The two tables of ``readings``, by name."""
    timing = folder / "runs" / "base-seed0" / "timing"
    timing.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(sum(readings, []), columns=[*KEYS, "repeat", "seconds", "plain_seconds"])
    table.to_csv(timing / "seconds.csv", index=False)
    memory = table[table["axis"] == "main"].drop_duplicates(KEYS)[KEYS]
    memory.assign(bytes_stored=1000, peak_memory_bytes=2000).to_csv(timing / "memory.csv", index=False)
    describe_speed(
        [located(timing / "seconds.csv")],
        [located(timing / "memory.csv")],
        all_samples,
        folder / "speed.csv",
        folder / "scaling.csv",
    )
    return pd.read_csv(folder / "speed.csv"), pd.read_csv(folder / "scaling.csv")


def study(forward=(3.0, 12.0, 48.0)):
    """Plain training 2 s, exact 3 s, forward as given for 1, 4 and 16 tracked samples."""
    rows = [reading("plain_training", 2.0, queries=0, tracked=0), reading("hydra_exact", 3.0)]
    rows += [
        reading("hydra_exact", 6.0, "queries", queries=2),
        reading("hydra_exact", 12.0, "queries", queries=4),
    ]
    for tracked, seconds in zip((1, 4, 16), forward, strict=True):
        rows.append(reading("hydra_forward", seconds, "main" if tracked == 1 else "tracked", tracked=tracked))
    return rows


def test_a_machine_that_slows_down_does_not_change_a_ratio(tmp_path):
    speed, _ = tables(tmp_path, study())
    exact = speed[(speed["method"] == "hydra_exact") & (speed["axis"] == "main")].set_index("metric")
    ratio, seconds = exact.loc["ratio_to_plain"], exact.loc["seconds"]
    assert (ratio["value"], ratio["low"], ratio["high"], ratio["n"]) == (1.5, 1.5, 1.5, 5)
    assert (seconds["value"], seconds["low"], seconds["high"]) == (3.0, 3.0, 6.0)
    assert exact.loc["bytes_stored", "value"] == 1000
    assert exact.loc["peak_memory_bytes", "value"] == 2000


def test_growth_and_what_is_predicted_from_it(tmp_path):
    speed, scaling = tables(tmp_path, study())
    law = scaling.set_index(["method", "axis", "law"])
    assert law.loc[("hydra_exact", "queries", "power"), "exponent"] == pytest.approx(1)
    assert law.loc[("hydra_forward", "tracked", "power"), "points"] == 3
    line = law.loc[("hydra_forward", "tracked", "line")]
    assert (line["points"], line["exponent"]) == (3, 1)
    assert (line["intercept"], line["coefficient"]) == pytest.approx((0, 3), abs=1e-5)
    beyond = speed[speed["extrapolated"] == 1].set_index("metric")
    assert set(beyond["method"]) == {"hydra_forward"}
    assert set(beyond["tracked"]) == {60_000}
    assert beyond.loc["seconds", "value"] == pytest.approx(180_000)
    assert beyond.loc["times_hydra_exact", "value"] == pytest.approx(60_000)
    assert set(speed.loc[speed["tracked"] < 60_000, "extrapolated"]) == {0}


def test_what_all_tracked_samples_share_is_not_continued_as_if_it_grew(tmp_path):
    """2 s shared, 1 s for each tracked sample: the power law has an exponent below 1, and 60,000 take 60,002 s."""
    speed, scaling = tables(tmp_path, study((3.0, 6.0, 18.0)))
    beyond = speed[speed["extrapolated"] == 1].set_index("metric")
    assert beyond.loc["seconds", "value"] == pytest.approx(60_002, rel=1e-5)
    power = scaling[scaling["law"] == "power"].set_index(["method", "axis"])
    assert power.loc[("hydra_forward", "tracked"), "exponent"] < 0.7


@pytest.mark.parametrize("slow_at", [1, 4, 16])
def test_a_machine_that_slows_down_between_two_points_bends_no_line(tmp_path, slow_at):
    def slowed(row):
        *key, seconds, plain = row
        slow = 3 if row[0] == "hydra_forward" and row[3] == slow_at else 1
        return (*key, seconds * slow, plain * slow)

    quiet, law = tables(tmp_path / "quiet", study())
    busy, bent = tables(tmp_path / "busy", [[slowed(row) for row in part] for part in study()])
    pd.testing.assert_frame_equal(bent, law)
    predicted = [table[table["extrapolated"] == 1].reset_index(drop=True) for table in (quiet, busy)]
    assert len(predicted[0]) == 3
    pd.testing.assert_frame_equal(*predicted)


@pytest.mark.parametrize("forward", [(3.0, 30.0, 48.0), (3.0, 3.0, 3.0)])
def test_a_bad_fit_leaves_no_row(tmp_path, forward):
    speed, scaling = tables(tmp_path, study(forward))
    assert (speed["extrapolated"] == 0).all()
    assert "hydra_forward" in set(scaling["method"])  # the fit itself is told


def test_readings_without_plain_training_are_refused(tmp_path):
    with pytest.raises(StudyError, match="no readings of plain_training"):
        tables(tmp_path, [reading("hydra_exact", 3.0)])


def test_the_summary_says_what_was_missed_and_what_was_not_measured(tmp_path):
    tables(tmp_path, study())
    machine = {
        "model": "lenet5_tanh", "batch_size": 64, "processor": "a processor", "cores": 2, "device": "cpu",
        "threads": 1, "versions": {"torch": "2"}, "load_average_before": [0, 0, 0],
        "load_average_after": [1, 1, 1], "left_out": [["hydra_forward", "tracked", 1, 64, 512, 61_706, 16, 99.0]],
    }  # fmt: skip
    path = tmp_path / "runs" / "base-seed0" / "timing" / "machine.json"
    path.write_text(json.dumps(machine))
    summarise_speed(
        tmp_path / "speed.csv", tmp_path / "scaling.csv", {"base-seed0": path}, tmp_path / "speed.md"
    )
    text = (tmp_path / "speed.md").read_text()
    assert "| exact reverse, one query | ≤ 2 | 1.50 (1.50–1.50) | met |" in text
    assert "60,000" in text
    assert "extrapolated" in text
    assert "not measured" in text
    assert "64 tracked" in text  # what was left out
    assert "| hydra_forward | tracked | " in text.split("Continued")[1]
    assert "a processor" in text
    path.write_text(json.dumps(machine | {"model": "densenet40"}))
    summarise_speed(
        tmp_path / "speed.csv", tmp_path / "scaling.csv", {"base-seed0": path}, tmp_path / "speed.md"
    )
    other = (tmp_path / "speed.md").read_text()
    assert "| exact reverse, one query | ≤ 2 | 1.50 (1.50–1.50) |  |" in other  # LeNet-5's target, no verdict
    assert "for comparison" in other
