"""Seconds at one pace: what a machine that slows down does to a line of points."""

from __future__ import annotations

import pandas as pd
import pytest

from hydra_steps.benchmark.pace import KEYS, at_one_pace


def rows(method: str, queries: int, seconds: float, ratio: float | None) -> list[dict[str, object]]:
    key = dict(zip(KEYS, (method, "main", queries, 4, 4, 10, 2), strict=True))
    made = [key | {"metric": "seconds", "value": seconds, "low": 0.9 * seconds, "high": 1.2 * seconds}]
    if ratio is not None:
        made.append(
            key | {"metric": "ratio_to_plain", "value": ratio, "low": 0.95 * ratio, "high": 1.05 * ratio}
        )
    return made


def test_seconds_are_the_ratio_times_plain_training() -> None:
    """The second point was read when everything took three times as long."""
    measured = pd.DataFrame(
        rows("plain_training", 0, 2.0, 1.0) + rows("sweep", 1, 4.0, 2.0) + rows("sweep", 8, 48.0, 8.0)
    )
    found = at_one_pace(measured).set_index(["method", "queries"])
    assert found["value"].to_dict() == {
        ("plain_training", 0): 2.0,
        ("sweep", 1): 4.0,
        ("sweep", 8): 16.0,
    }
    assert found.loc[("sweep", 8), "low"] == pytest.approx(15.2)
    assert found.loc[("sweep", 8), "high"] == pytest.approx(16.8)


def test_without_a_ratio_seconds_stay_as_they_were_read() -> None:
    measured = pd.DataFrame(rows("plain_training", 0, 2.0, 1.0) + rows("sweep", 1, 5.0, None))
    found = at_one_pace(measured).set_index("method").loc["sweep"]
    assert (found["value"], found["low"], found["high"]) == (5.0, 4.5, 6.0)
