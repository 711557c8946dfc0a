"""Which options an entry is called with, and what they must fulfil together."""

from __future__ import annotations

import pytest

from hydra_steps.errors import StudyError
from hydra_steps.registry import find
from hydra_steps.registry.options import check_requirements, choice, options_of


def test_options_that_are_not_given_take_their_defaults():
    assert options_of(find("model", "mlp"), {"dropout": 0.5}, "model") == {
        "hidden": [64],
        "dropout": 0.5,
        "batch_norm": False,
    }


def test_options_of_another_entry_of_the_kind_are_passed_over():
    assert options_of(find("model", "logistic"), {"hidden": [3], "batch_norm": True}, "model") == {}


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        (
            "mlp",
            {"hiden": [3]},
            r"model\.hiden: \[3\] is given.*expected: an option of mlp;.*did you mean 'hidden'",
        ),
        ("logistic", {"speed": None}, r"model\.speed: null is given.*remove model\.speed"),
    ],
)
def test_an_option_that_none_has_is_named(name, given, message):
    with pytest.raises(StudyError, match=message):
        options_of(find("model", name), given, "model")


def test_requirements_name_the_options_that_they_speak_of():
    entry = find("optimizer", "sgd")
    options = options_of(entry, {"nesterov": True}, "")
    check_requirements(entry, options, "training.optimizer")
    with pytest.raises(StudyError) as caught:
        check_requirements(entry, {**options, "dampening": 0.5}, "training.optimizer")
    assert caught.value.found == "training.optimizer: sgd with momentum 0.9, dampening 0.5, nesterov true"
    assert caught.value.expected == "a momentum above 0 and dampening 0 with nesterov"


def test_a_section_is_a_name_options_and_keys_of_its_own():
    section = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.5}
    assert choice(section, "learning_rate") == ("sgd", {"momentum": 0.5})
