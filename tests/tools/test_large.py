"""What is asked for a large network's jobs is what they take."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import pytest

from hydra_steps.estimate.meta import run_network
from hydra_steps.trajectory.keep import parse_bytes
from tools.large import PHASES, compare, predicted, settings


def told(
    monkeypatch: pytest.MonkeyPatch, folder: Path, parameters: int, momentum: float
) -> dict[str, list[int]]:
    """Bytes measured, estimated and asked for, by the phase, from the table."""
    options = ["--parameters", str(parameters), "--momentum", str(momentum), "--folder", str(folder)]
    monkeypatch.setattr(sys, "argv", ["large", *options])
    chosen = argparse.Namespace(parameters=parameters, steps=3, momentum=momentum, folder=str(folder))
    rows = [re.findall(r"`(.+?)` \| (.+?) \| (.+?) \| (.+?) \|", line) for line in compare(chosen)]
    return {row[0][0]: [parse_bytes(cell) for cell in row[0][1:]] for row in rows if row}


@pytest.mark.parametrize("parameters", [10**5, 10**8])
def test_the_network_has_the_parameters_that_are_asked_for(parameters: int) -> None:
    assert run_network(settings(parameters, 3, 0.0)).parameters == pytest.approx(parameters, rel=0.01)


def test_the_trial_decides_the_memory_of_a_large_network_s_training() -> None:
    small, large = (predicted(settings(parameters, 3, 0.0)) for parameters in (10**4, 10**8))
    assert small[PHASES[0]] < 5e8
    assert large[PHASES[0]] > 4e8 + 17 * 4 * 1e8  # 17 vectors of parameters were measured
    assert large[PHASES[0]] > large[PHASES[1]]


def test_both_jobs_are_run_and_the_folder_is_left_empty(tmp_path: Path, monkeypatch) -> None:
    found = told(monkeypatch, tmp_path, 10**5, 0.9)
    assert list(found) == list(PHASES)
    assert all(size > 10**8 for sizes in found.values() for size in sizes)
    assert not list(tmp_path.iterdir())


@pytest.mark.nightly
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_ten_million_parameters_take_no_more_than_is_asked_for(tmp_path, monkeypatch, momentum) -> None:
    for phase, (measured, estimated, asked) in told(monkeypatch, tmp_path, 10**7, momentum).items():
        assert measured <= asked, phase
        assert measured > estimated / 2, phase
