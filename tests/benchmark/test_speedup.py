"""The figure of the timing study: drawn from the tables of a few readings, and hatched only where it is predicted."""

from __future__ import annotations

import json

import pytest

from hydra_steps.benchmark.speedup import plot_speedup
from tests.benchmark.test_speed import study, tables
from tests.helpers.made_costs import MACHINE


@pytest.mark.parametrize(("forward", "hatched"), [((3.0, 12.0, 48.0), True), ((3.0, 30.0, 48.0), False)])
def test_only_what_was_predicted_is_hatched(tmp_path, forward, hatched):
    tables(tmp_path, study(forward))
    (tmp_path / "machine.json").write_text(json.dumps(MACHINE))
    plot_speedup(
        speed_table=tmp_path / "speed.csv",
        scaling_table=tmp_path / "scaling.csv",
        machines=[tmp_path / "machine.json"],
        outputs=[tmp_path / "speedup.svg"],
    )
    assert ("<pattern" in (tmp_path / "speedup.svg").read_text()) == hatched
