"""Two timing studies compared with each other, ratio by ratio."""

import pandas as pd
import pytest

from hydra_steps.errors import StudyError
from tools.speed_repeat import KEY, compare_runs


def _speed(path, *rows):
    """A table of rows (method, metric, extrapolated, value); the quartiles are .1 beside the value."""
    table = pd.DataFrame(rows, columns=["method", "metric", "extrapolated", "value"])
    table = table.assign(low=table["value"] - 0.1, high=table["value"] + 0.1, run="base-seed0", axis="main")
    table.assign(**{name: 1 for name in KEY if name not in table}).to_csv(path, index=False)
    return path


def _ratio(method, value, extrapolated=0):
    return method, "ratio_to_plain", extrapolated, value


def test_ranges_that_meet_overlap_and_others_do_not(tmp_path):
    both_have = _ratio("plain_training", 1.0), _ratio("hydra_forward", 9.0, extrapolated=1)
    first = _speed(
        tmp_path / "a.csv",
        *both_have,
        *(_ratio("hydra_exact", 1.7), _ratio("tracin", 0.7), _ratio("only_here", 1.0)),
    )
    other_metric = ("hydra_exact", "seconds", 0, 1.7)
    second = _speed(
        tmp_path / "b.csv", *both_have, other_metric, _ratio("hydra_exact", 1.89), _ratio("tracin", 0.49)
    )
    both = compare_runs(first, second).set_index("method")["overlaps"]
    assert both.to_dict() == {"hydra_exact": True, "tracin": False}
    assert compare_runs(second, first)["overlaps"].tolist() == both.tolist()


def test_tables_with_nothing_in_common_are_refused(tmp_path):
    one = _speed(tmp_path / "a.csv", _ratio("tracin", 0.7))
    other = _speed(tmp_path / "b.csv", _ratio("hydra_exact", 1.7))
    with pytest.raises(StudyError, match="no ratio in common"):
        compare_runs(one, other)
    with pytest.raises(StudyError, match="cannot be read"):
        compare_runs(one, tmp_path / "missing.csv")
