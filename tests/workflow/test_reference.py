"""A fresh run of the tests' study against its committed tables: other machines and libraries may round, no more.

With the processor and the versions that made them, a fresh run gives the same bytes. After a change that is meant to
change numbers: run the study, copy these tables to the reference, and what ``python -m tests.workflow.test_reference``
says to ``made_with.json``.
"""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hydra_steps.trajectory.training import versions
from tests.workflow.conftest import ROOT, Tree

HOME = ROOT / "results" / "reference" / "test"
REFERENCE = HOME / "tables"
LIBRARIES = ("pandas", "scikit-learn", "scipy", "zarr")
# What counts or ranks a few samples or groups moves in steps where rounding swaps two neighbours.
RELATIVE, ABSOLUTE, STEPS = 0.02, 1e-4, 0.1
IN_STEPS = ("lds", "spearman", "sign_accuracy", "sign_disagreement", "auroc", "average_precision")
IN_STEPS += ("found_in_inspected", "noise_left", "test_accuracy", "validation_accuracy")
NUMBERS = ["value", "ci_low", "ci_high", "sd_seeds"]


def names() -> list[str]:
    return sorted(path.name for path in REFERENCE.glob("*.csv"))


def circumstances() -> dict[str, str]:
    """Return what may decide the last bits here: the processor, Python and the libraries."""
    told = {"platform": platform.system()}
    if (lines := Path("/proc/cpuinfo")).exists():
        pairs = (
            line.split(":", 1) for line in lines.read_text().split("\n\n")[0].splitlines() if ":" in line
        )
        told |= {key.strip(): value.strip() for key, value in pairs if key.strip() in ("model name", "model")}
    return told | versions() | {name: version(name) for name in LIBRARIES}


def test_the_reference_is_there() -> None:
    assert {"training.csv", "agreement.csv", "counterfactual.csv", "detection.csv", "smoothness.csv"} <= set(
        names()
    )


def test_where_nothing_differs_the_bytes_are_the_same(study: Tree) -> None:
    made = json.loads((HOME / "made_with.json").read_text())
    here = circumstances()
    differ = [
        f"{name}: {made.get(name)} there, {here.get(name)} here"
        for name in made
        if made[name] != here.get(name)
    ]
    if differ:
        pytest.skip("; ".join(differ))
    found = {name: (study.results / "tables" / name).read_bytes() for name in names()}
    assert found == {name: (REFERENCE / name).read_bytes() for name in names()}


@pytest.mark.parametrize("name", names())
def test_a_fresh_study_gives_the_committed_numbers(study: Tree, name: str) -> None:
    found, expected = pd.read_csv(study.results / "tables" / name), pd.read_csv(REFERENCE / name)
    keys = [column for column in expected.columns if column not in NUMBERS]
    pd.testing.assert_frame_equal(found[keys], expected[keys])
    absolute = np.where(expected["metric"].isin(IN_STEPS), STEPS, ABSOLUTE)
    for column in ("value", "sd_seeds"):
        a, b = found[column].to_numpy(float), expected[column].to_numpy(float)
        assert np.array_equal(np.isnan(a), np.isnan(b))
        wrong = ~(np.isnan(a) | (np.abs(a - b) <= absolute + RELATIVE * np.abs(b)))
        assert not wrong.any(), expected[wrong].assign(found=a[wrong]).to_string()
    # An interval may move with its value, but it must hold it.
    low, high, value = (found[c].to_numpy(float) for c in ("ci_low", "ci_high", "value"))
    inside = np.isnan(low) | ((low <= value + 1e-9) & (value - 1e-9 <= high))
    assert inside.mean() > 0.9


if __name__ == "__main__":
    print(json.dumps(circumstances(), indent=2))
