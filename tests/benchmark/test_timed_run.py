"""What plain training has not is refused, so that a ratio compares like with like."""

from __future__ import annotations

from typing import Any

import pytest

from hydra_steps.benchmark.timed_run import TimedRun
from hydra_steps.config.sections import RunSettings
from hydra_steps.errors import StudyError
from tests.helpers.tiny import tiny_data, tiny_settings


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ({"clip": {"norm": 1.0}}, "plain SGD"),
        ({"optimizer": {"name": "sgd", "learning_rate": 0.1, "groups": [{"parameters": "*"}]}}, "plain SGD"),
        ({"optimizer": {"name": "adam", "learning_rate": 0.1}}, "plain SGD"),
        ({"loss": {"name": "mean_squared_error"}}, "the loss is mean_squared_error"),
    ],
)
def test_a_training_that_is_not_plain_is_refused(training: dict[str, Any], words: str) -> None:
    settings = tiny_settings()
    settings["training"] |= training
    with pytest.raises(StudyError, match=words):
        TimedRun(RunSettings.of(settings), tiny_data(), 8, 1)


def test_a_plain_one_is_taken() -> None:
    assert TimedRun(RunSettings.of(tiny_settings()), tiny_data(), 8, 1).process.samples == 8
