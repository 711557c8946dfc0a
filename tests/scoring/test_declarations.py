"""What methods declare: looks that can be told apart, and options that are explained; labels that name them."""

from __future__ import annotations

import pytest

from hydra_steps.config.study import Method
from hydra_steps.errors import StudyError
from hydra_steps.registry import entries
from hydra_steps.scoring.methods import method_of


def test_no_two_methods_look_alike():
    looks = [(one.traits["colour"], one.traits["marker"]) for one in entries("method").values()]
    assert all(all(look) for look in looks)
    assert len({colour for colour, _ in looks}) == len({*looks}) == len(looks)
    assert len({one.traits["order"] for one in entries("method").values()}) == len(looks)


def test_every_option_has_a_sentence():
    for method in entries("method").values():
        assert method.summary.endswith("."), method.name
        for option, schema in method.options.items():
            assert schema["description"].endswith("."), (method.name, option)


def test_a_label_names_its_method():
    entry, function = method_of("mild", Method.of({"method": "influence_cg", "damping": 0.5}))
    assert (entry.name, function.keywords["damping"]) == ("influence_cg", 0.5)
    assert method_of("random", Method())[0].name == "random"
    with pytest.raises(StudyError, match=r"methods\.randm: 'randm' is unknown.*random"):
        method_of("randm", Method())
