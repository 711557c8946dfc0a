"""The adviser: what it reads, its verdicts, and what it says to change."""

from __future__ import annotations

import numpy as np
import pytest

from hydra_steps.counterfactual.smoothness import COLUMNS
from hydra_steps.csv_files import write_rows
from hydra_steps.evaluation.advice import advise_on_smoothness, verdict
from hydra_steps.report.advice import advice
from hydra_steps.tables.tidy import make_table, read_table, write_table
from tests.helpers.artifacts import located
from tests.helpers.variant_tables import variant_tables


def advised(study, folder, *, small: float, whole: float, agreement: float, ceiling: float, kinks: str = ""):
    """advice.csv of a run whose predictions are off by these relative errors."""
    random = np.random.default_rng(0)
    rows = []
    for step, error in ((0.1, small), (1.0, whole)):
        for group in range(3):
            for query in ("test_mean", "test_sample_0"):
                real = step * (1 + random.random())
                told = agreement if step == 0.1 else None
                rows.append(("hydra_exact", query, step, group, real * (1 - error), real, told, kinks))
    path = folder / "runs" / "base-seed0" / "smoothness.csv"
    write_rows(path, COLUMNS, rows)
    growth = {"diagnostics": {"sweep_growth": {"test_mean": 3.0, "test_sample_0": None}}}
    scores = study.scores("hydra_exact", np.ones((1, 5)), **growth)
    about = {
        "variant": "base",
        "run": "base-seed0",
        "seed": "0",
        "query": "test_mean",
        "fraction": 0.1,
        "n": 8,
    }
    truth = (
        [about | {"metric": "ceiling", "design": "groups", "value": ceiling}] if np.isfinite(ceiling) else []
    )
    write_table(make_table("counterfactual", truth), folder / "counterfactual.csv")
    advise_on_smoothness(
        smoothness=[located(path)],
        scores=[scores],
        counterfactual_table=folder / "counterfactual.csv",
        output=folder / "advice.csv",
        exact="hydra_exact",
    )
    return read_table(folder / "advice.csv")


def value(table, metric):
    return float(table[(table["metric"] == metric) & (table["seed"] == "0")]["value"].item())


def test_what_is_known_is_gathered(study, tmp_path):
    table = advised(study, tmp_path, small=0.4, whole=0.9, agreement=0.3, ceiling=0.84, kinks="MaxPool;ReLU")
    found = {name: value(table, name) for name in ("small_step_error", "whole_step_error", "sign_agreement")}
    assert found == pytest.approx({"small_step_error": 0.4, "whole_step_error": 0.9, "sign_agreement": 0.3})
    assert value(table, "sweep_growth") == 3.0
    assert value(table, "ceiling") == 0.84
    assert value(table, "verdict") == 3
    assert set(table.loc[table["metric"] == "kink", "given"]) == {"MaxPool", "ReLU"}


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((0.99, 0.01, 0.2, 0.99), 0),
        ((0.99, 0.01, 0.8, np.nan), 1),
        ((0.9, 0.3, 0.8, 0.95), 2),
        ((np.nan, 0.3, 0.8, np.nan), 2),
        ((0.2, 0.3, 0.8, np.nan), 3),
        ((0.9, 0.3, 0.8, 0.8), 3),
    ],
)
def test_verdicts(numbers, expected):
    assert verdict(*numbers) == expected


def test_one_verdict_in_words_with_what_helps(study, tmp_path):
    rough = advised(study, tmp_path, small=0.4, whole=0.9, agreement=0.3, ceiling=0.84, kinks="MaxPool;ReLU")
    (found,) = advice(variant_tables({"advice": rough}))
    assert found.text.startswith(
        "Two trainings a hair apart end apart (agreement in sign of steps in a row 0.30 of 1,"
    )
    assert "ceiling of any score 0.84" in found.text
    assert "average pooling in place of max pooling; a smooth activation" in found.text
    for word in ("rate", "batches", "`window`", "averaging", "`kink_width: 1`"):
        assert word in found.text
    bent = advised(study, tmp_path, small=0.01, whole=0.9, agreement=0.99, ceiling=np.nan)
    (found,) = advice(variant_tables({"advice": bent}))
    assert "`hydra_centred`" in found.text
    smooth = advised(study, tmp_path, small=0.01, whole=0.1, agreement=0.99, ceiling=np.nan)
    assert advice(variant_tables({"advice": smooth})) == []
    kink = advised(study, tmp_path, small=0.4, whole=0.9, agreement=0.9, ceiling=np.nan, kinks="ReLU")
    (found,) = advice(variant_tables({"advice": kink}))
    assert found.text.startswith("Kinks on the way")
    assert "max pooling" not in found.text
    leaky = advised(study, tmp_path, small=0.4, whole=0.9, agreement=0.9, ceiling=np.nan, kinks="LeakyReLU")
    (found,) = advice(variant_tables({"advice": leaky}))
    assert "kink_width" not in found.text  # of ReLUs alone
