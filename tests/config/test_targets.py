"""What does not fit what the data ask of a sample is refused by name where the study is planned."""

from __future__ import annotations

from typing import Any

import pytest

from hydra_steps.config import resolve_study
from hydra_steps.config.targets import worded
from hydra_steps.errors import StudyError

NUMBERS: dict[str, Any] = {
    "data": {"name": "diabetes", "train": 100, "validation": 40, "test": 40},
    "noise": {"kind": "permuted"},
    "model": {"name": "mlp"},
    "training": {"loss": {"name": "huber"}},
    "queries": [{"kind": "mean_loss", "split": "validation"}, {"kind": "sample_value", "count": 1}],
    "methods": {"hydra_exact": {}, "final_loss": {}},
}


def test_a_study_of_numbers_is_planned_with_its_options() -> None:
    study = resolve_study(NUMBERS)
    assert study["queries"][1] == {"kind": "sample_value", "split": "test", "count": 1, "position": 0}
    assert resolve_study(study) == study


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"training": {"loss": {"name": "cross_entropy"}}},
            r"training\.loss\.name: cross_entropy is made for a sample's class, and the data have numbers; "
            r"expected: one of .*huber",
        ),
        ({"noise": {"kind": "symmetric"}}, r"noise\.kind: symmetric is made .*one of additive, none, outliers"),
        ({"queries": [{"kind": "sample_margin", "count": 1}]}, r"queries\[0\]\.kind: sample_margin is made"),
        ({"methods": {"trak": {}}}, r"methods\.trak: trak is made for a sample's class"),
        (
            {"queries": [{"kind": "sample_value", "count": 1, "position": 1}]},
            r"queries\[0\]\.position: 1 .*expected: 0 to 0",
        ),
        ({"queries": [{"kind": "mean_loss", "position": 0}]}, r"queries\[0\]\.position: 0 has no meaning"),
        ({"brittleness": {"queries": ["test_value_0_0"]}}, r"brittleness\.queries"),
        ({"training": {"loss": {"name": "huber"}, "augment": {"flip": True}}}, r"training\.augment"),
        (
            {"variants": {"base": {}, "digits": {
                "data": {"name": "digits"}, "noise": {"kind": "symmetric"},
                "training": {"loss": {"name": "cross_entropy"}},
            }}, "queries": [{"kind": "mean_loss", "split": "validation"}]},
            r"variants\.digits: a sample's class measured by accuracy",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        resolve_study({**NUMBERS, **change})


def test_weights_of_classes_are_as_many_as_the_classes() -> None:
    loss = {"name": "cross_entropy", "class_weights": [1.0, 2.0]}
    with pytest.raises(StudyError, match=r"class_weights: 2 weights; expected: 10, one of each class"):
        resolve_study({"training": {"loss": loss}})
    given = resolve_study({"training": {"loss": loss | {"class_weights": [1.0] * 10}}})
    assert given["training"]["loss"]["class_weights"] == [1.0] * 10


def test_texts_speak_of_targets_where_there_are_no_labels() -> None:
    said = "Label noise: 5 mislabelled samples have wrong labels."
    assert worded(said, "numbers") == "Noise: 5 wrong samples have wrong targets."
    assert worded(said, "class") == worded(said, "labels") == said


def test_a_study_that_names_no_noise_takes_one_that_fits() -> None:
    asked = {name: part for name, part in NUMBERS.items() if name != "noise"}
    assert resolve_study(asked)["noise"] == {"kind": "outliers", "seed": None, "rate": 0.05, "size": 5.0}
    assert resolve_study(asked | {"noise": {"rate": 0.1}})["noise"]["rate"] == 0.1
    assert resolve_study({})["noise"]["kind"] == "symmetric"
