"""Every kind of wrong study ends with one message that names the key, the value, and the fix."""

from __future__ import annotations

from typing import Any

import pytest

from hydra_steps.config import load_study, resolve_study
from hydra_steps.config.limits import check_writable
from hydra_steps.errors import StudyError
from tests.config.wrong_experiments import WRONG_EXPERIMENTS
from tests.config.wrong_studies import WRONG_SETTINGS

WRONG = WRONG_SETTINGS | WRONG_EXPERIMENTS


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_study_is_one_message(name: str) -> None:
    study, words = WRONG[name]
    with pytest.raises(StudyError) as caught:
        resolve_study(study)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


@pytest.mark.parametrize("text", ["a: [1", "- a\nb: 1"])
def test_a_file_that_is_not_yaml(text: str, tmp_path: Any) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(text)
    with pytest.raises(StudyError, match="not YAML"):
        load_study(file)


def test_a_missing_file(tmp_path: Any) -> None:
    with pytest.raises(StudyError, match="cannot be read"):
        load_study(tmp_path / "none.yaml")


def test_results_below_a_file_cannot_be_written(tmp_path: Any) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(StudyError, match="results: .*taken.* is not a folder.*set results"):
        check_writable(str(tmp_path / "taken"), "x")
    check_writable(str(tmp_path / "new" / "deep"), "x")


@pytest.mark.parametrize(
    ("results", "study"),
    [
        ("results", "reference"),
        ("./results/", "reference"),
        ("results/reference", "mnist"),
        ("results/x/..", "reference"),
    ],
)
def test_no_study_writes_into_the_folder_of_references(results: str, study: str) -> None:
    with pytest.raises(StudyError, match="among the committed references"):
        check_writable(results, study)


def test_a_study_named_reference_may_write_elsewhere(tmp_path: Any) -> None:
    check_writable(str(tmp_path), "reference")
    check_writable("results", "reference2")


@pytest.mark.parametrize("method", ["random", "trak", "influence_arnoldi", "data_value_embedding"])
@pytest.mark.parametrize("seed", [-1, 2**32, 2**40])
def test_a_seed_out_of_range_is_refused_when_the_study_is_read(method: str, seed: int) -> None:
    with pytest.raises(StudyError, match=f"methods.{method}.seed: {seed}"):
        resolve_study({"study": "s", "methods": {method: {"seed": seed}}})
