"""Two timing studies held against each other, ratio by ratio."""

import pandas as pd
import pytest

from hydra_steps.errors import StudyError
from hydra_steps.evaluation.speed_repeat import KEY, compare_runs


def _speed(path, rows):
    table = pd.DataFrame(rows, columns=["method", "metric", "extrapolated", "value", "low", "high"])
    rest = {name: 1 for name in KEY if name not in ("run", "method", "axis")}
    table.assign(run="base-seed0", axis="main", **rest).to_csv(path, index=False)
    return path


def test_ranges_that_meet_overlap_and_others_do_not(tmp_path):
    first = _speed(
        tmp_path / "a.csv",
        [
            ("plain_training", "ratio_to_plain", 0, 1.0, 1.0, 1.0),
            ("hydra_exact", "ratio_to_plain", 0, 1.7, 1.6, 1.8),
            ("tracin", "ratio_to_plain", 0, 0.7, 0.6, 0.8),
            ("hydra_forward", "ratio_to_plain", 1, 9.0, 8.0, 10.0),
            ("only_here", "ratio_to_plain", 0, 1.0, 1.0, 1.0),
        ],
    )
    second = _speed(
        tmp_path / "b.csv",
        [
            ("plain_training", "ratio_to_plain", 0, 1.0, 1.0, 1.0),
            ("hydra_exact", "ratio_to_plain", 0, 1.9, 1.8, 2.0),
            ("hydra_exact", "seconds", 0, 1.7, 1.6, 1.8),
            ("tracin", "ratio_to_plain", 0, 0.5, 0.4, 0.59),
            ("hydra_forward", "ratio_to_plain", 1, 9.0, 8.0, 10.0),
        ],
    )
    both = compare_runs(first, second).set_index("method")["overlaps"]
    assert both.to_dict() == {"hydra_exact": True, "tracin": False}
    assert compare_runs(second, first)["overlaps"].tolist() == both.tolist()


def test_tables_with_nothing_in_common_are_refused(tmp_path):
    one = _speed(tmp_path / "a.csv", [("tracin", "ratio_to_plain", 0, 0.7, 0.6, 0.8)])
    other = _speed(tmp_path / "b.csv", [("hydra_exact", "ratio_to_plain", 0, 1.7, 1.6, 1.8)])
    with pytest.raises(StudyError, match="no ratio in common"):
        compare_runs(one, other)
    with pytest.raises(StudyError, match="cannot be read"):
        compare_runs(one, tmp_path / "missing.csv")
