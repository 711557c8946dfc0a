"""The claims about speed: limits, whole intervals, and what is predicted named as such."""

import pandas as pd
import pytest

from hydra_steps.benchmark.speed import SCALING, SPEED
from hydra_steps.benchmark.speed_claims import evaluate_speed_claims
from hydra_steps.evaluation.verdicts import FAILS, HOLDS, OPEN


def judged(folder, speed, scaling):
    pd.DataFrame(speed, columns=SPEED).to_csv(folder / "speed.csv", index=False)
    pd.DataFrame(scaling, columns=SCALING).to_csv(folder / "scaling.csv", index=False)
    table = evaluate_speed_claims(
        speed_table=folder / "speed.csv",
        scaling_table=folder / "scaling.csv",
        conditions={"base": "mnist"},
        output=folder / "speed_claims.csv",
    )
    assert len(pd.read_csv(folder / "speed_claims.csv")) == len(table)
    return table.set_index(["claim", "against"])


def ratio(method, value, low, high, metric="ratio_to_plain", axis="main", tracked=256, extrapolated=0):
    row = {"variant": "base", "run": "base-seed0", "method": method, "axis": axis, "queries": 1}
    row |= {"tracked": tracked, "samples": 256, "parameters": 61_706, "steps": 8, "metric": metric, "n": 7}
    return row | {"extrapolated": extrapolated, "value": value, "low": low, "high": high}


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(1_000, 90_000, HOLDS), (500, 90_000, OPEN), (100, 900, FAILS)]
)
def test_forward_and_reverse_are_told_apart(tmp_path, low, high, verdict):
    speed = [ratio("hydra_exact", 1.8, 1.7, 1.9), ratio("hydra_hessian_free", 0.6, 0.5, 0.7)]
    of_all = {"axis": "tracked", "tracked": 60_000, "extrapolated": 1}
    speed += [ratio("hydra_forward", 5_000, low, high, "times_hydra_hessian_free", **of_all)]
    found = judged(tmp_path, speed, [])
    forward, reverse = found.loc[("5", "hydra_forward")], found.loc[("5", "hydra_exact")]
    assert forward["verdict"] == verdict
    assert "60,000 samples, extrapolated" in forward["measured"]
    assert reverse["verdict"] == FAILS
    assert reverse["value"] == pytest.approx(3.0)
    assert (reverse["ci_low"], reverse["ci_high"]) == pytest.approx((1.7 / 0.7, 1.9 / 0.5))
    assert forward["conditions"] == "mnist"


def test_growth_is_held_against_linear(tmp_path):
    def law(method, axis, exponent, low, high):
        row = {"variant": "base", "run": "base-seed0", "method": method, "axis": axis, "points": 4}
        row |= {"smallest": 64, "largest": 512, "exponent": exponent, "low": low, "high": high}
        return row | {"law": "power", "intercept": 0.0, "coefficient": 1.0, "r_squared": 0.99}

    scaling = [
        law("hydra_hessian_free", "samples", 0.9, 0.7, 1.05),
        law("hydra_hessian_free", "steps", 1.0, 0.9, 1.2),
        law("hydra_hessian_free", "parameters", 1.5, 1.2, 1.8),
        law("hydra_hessian_free", "queries", 2.0, 1.9, 2.1),  # no size of the data or the model
        law("hydra_exact", "samples", 3.0, 2.9, 3.1),
    ]
    found = judged(tmp_path, [], scaling)["verdict"]
    assert [found["6", axis] for axis in ("samples", "steps", "parameters")] == [HOLDS, OPEN, FAILS]
    assert ("6", "queries") not in found.index
    assert found["6", "all"] == "holds in 1 of 3: base against samples; does not hold in 1 of 3"
    assert ("5", "all") not in found.index
