"""The figure of the timing study: drawn from the tables of a few readings, and hatched only where it is foretold."""

from __future__ import annotations

import json

import pytest

from hydra_steps.benchmark.speedup import plot_speedup
from tests.benchmark.test_speed import study, tables

MACHINE = {
    "processor": "a processor",
    "cores": 2,
    "device": "cpu",
    "threads": 1,
    "batch_size": 64,
    "versions": {"torch": "2"},
    "load_average_before": [0, 0, 0],
    "load_average_after": [1, 1, 1],
}


@pytest.mark.parametrize(("forward", "hatched"), [((3.0, 12.0, 48.0), True), ((3.0, 30.0, 48.0), False)])
def test_only_what_was_foretold_is_hatched(tmp_path, forward, hatched):
    tables(tmp_path, study(forward))
    (tmp_path / "machine.json").write_text(json.dumps(MACHINE))
    plot_speedup(
        table=tmp_path / "speed.csv",
        scaling=tmp_path / "scaling.csv",
        machines=[tmp_path / "machine.json"],
        outputs=[tmp_path / "speedup.svg"],
    )
    assert ("<pattern" in (tmp_path / "speedup.svg").read_text()) == hatched
