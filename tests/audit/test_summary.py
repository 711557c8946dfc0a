"""The summary for programs, and its exit code."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from hydra_steps.audit.summary import summarise, too_many_wrong, write_summary
from hydra_steps.errors import StudyError


@pytest.fixture
def summary(tmp_path):
    numbers = pd.DataFrame(
        [
            ("wrong_labels", 20.0, 12.0, 31.0),
            ("wrong_share", 0.02, 0.012, 0.031),
            ("to_look_at", 25.0, None, None),
        ],
        columns=["metric", "value", "ci_low", "ci_high"],
    ).assign(n=1000, method="final_loss")
    proof = pd.DataFrame(
        [
            ("corrected", "", "change_test_loss", -0.1, -0.2, -0.05),
            ("only_removed", "hydra_exact", "change_test_loss", -0.1, -0.1, -0.1),
        ],
        columns=["form", "method", "metric", "value", "ci_low", "ci_high"],
    )
    path = tmp_path / "summary.json"
    write_summary(summarise(numbers, proof, "abcd"), path)
    return path


def test_what_was_found_is_told_in_numbers(summary):
    found = json.loads(summary.read_text())
    assert (found["samples"], found["method"], found["data_version"]) == (1000, "final_loss", "abcd")
    assert found["wrong_labels"] == {"value": 20.0, "low": 12.0, "high": 31.0}
    assert found["to_look_at"] == {"value": 25.0, "low": None, "high": None}
    assert list(found["proof"]) == ["corrected"]


@pytest.mark.parametrize(("most", "code"), [("0.05", 0), ("0.01", 1)])
def test_the_exit_code_says_whether_too_many_are_wrong(summary, most, code):
    command = [sys.executable, "-m", "hydra_steps.audit", str(summary), "--most", most]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert ("about 20 of 1,000 labels are wrong" in done.stdout) == bool(code)


def test_what_is_no_summary_is_one_message(tmp_path):
    path = tmp_path / "summary.json"
    for text in ("[]", "{}", "nothing"):
        path.write_text(text)
        with pytest.raises(StudyError, match="is no summary of an audit"):
            too_many_wrong(path, 0.1)
