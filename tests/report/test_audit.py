"""The sentences about wrong labels that nobody planted."""

import numpy as np
import pandas as pd

from hydra_steps.report.audit import audit, audit_proof
from hydra_steps.report.variant_tables import VariantTables

ABOUT = {"variant": "base", "run": "base-seed0", "seed": "0"}


def numbers(**values):
    """``audit_numbers.csv`` with these measures: a number, or (value, low, high)."""
    rows = []
    for metric, value in values.items():
        value, low, high = value if isinstance(value, tuple) else (value, np.nan, np.nan)
        rows.append(
            ABOUT
            | {"method": "final_loss", "query": "validation_mean", "metric": metric, "n": 1000}
            | {"value": value, "ci_low": low, "ci_high": high}
        )
    return VariantTables({"audit_numbers": pd.DataFrame(rows)}, {"final_loss": "Final loss"})


def said(found):
    return " ".join(finding.text for finding in found)


FULL = {
    "wrong_labels": (42.2, 30.1, 60.4),
    "to_look_at": 55,
    "average_precision": (0.81, 0.7, 0.9),
    "calibration_error": 0.013,
    "lead": (0.05, 0.01, 0.09),
    "over_plain": (0.1, 0.02, 0.2),
}


def test_the_amount_and_the_method_are_said():
    text = said(audit(numbers(**FULL)))
    assert text.startswith("About 42 of the 1,000 training labels are wrong (95 % interval 30 to 60)")
    assert "looking at the first 55 suspects finds 80 %" in text
    assert (
        "Final loss finds planted wrong labels best, average precision 0.81, 0.05 ahead of the next" in text
    )
    assert "0.10 better than the plain loss" in text
    assert "off by 0.01 on average" in text


def test_doubt_is_said():
    doubtful = {
        **FULL,
        "wrong_labels": (42.2, 0.0, 60.4),
        "average_precision": 0.3,
        "lead": (0.01, -0.1, 0.1),
        "over_plain": (0.0, -0.1, 0.1),
    }
    text = said(audit(numbers(**doubtful)))
    assert text.startswith("At most about 42 of the 1,000 training labels are wrong (95 % interval 0 to 60);")
    assert "(which may be as good)" in text
    assert "it is not shown to be better than the plain loss" in text


def test_where_the_plain_loss_itself_is_chosen_or_there_is_no_audit():
    plain = {name: value for name, value in FULL.items() if name != "over_plain"}
    assert "plain loss" not in said(audit(numbers(**plain)))
    assert audit(VariantTables({})) == audit_proof(VariantTables({})) == []


def proof(value, low, high, cleaned=0):
    rows = [
        ABOUT | {"form": "", "method": "", "metric": "test_labels_cleaned", "n": 1, "value": cleaned},
    ]
    rows += [
        ABOUT | {"form": form, "method": "", "metric": "change_test_accuracy", "n": 5} | cells
        for form, cells in {
            "corrected": {"value": value, "ci_low": low, "ci_high": high},
            "random_removed": {"value": -0.001, "ci_low": -0.003, "ci_high": 0.001},
            "top_removed": {"value": 0.002, "ci_low": 0.0, "ci_high": 0.004},
        }.items()
    ]
    return VariantTables({"audit_proof": pd.DataFrame(rows)})


def test_the_outcome_of_training_again_is_said_with_its_doubt():
    text = said(audit_proof(proof(0.012, 0.004, 0.02)))
    assert "from 5 fresh seeds, the model is 1.20 points better [0.40, 2.00] on the test set (" in text
    assert "removed at random: 0.10 points worse [−0.30, 0.10]" in text
    assert "which may be chance" in said(audit_proof(proof(0.012, -0.004, 0.02)))
    text = said(audit_proof(proof(0.012, 0.004, 0.02, cleaned=3)))
    assert (
        "on the test set (3 of its labels were decided to be wrong, too, and put right or left out) (" in text
    )


def test_a_simpler_one_that_is_about_as_good_is_said_to_be_so():
    text = said(audit(numbers(**{**FULL, "lead": (-0.02, -0.1, 0.05)})))
    assert "finds planted wrong labels as well as any, average precision 0.81" in text
    assert "(the best is 0.02 ahead, within one standard error, and less simple)" in text
