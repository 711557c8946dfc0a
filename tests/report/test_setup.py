"""What was studied, in words: one line for studies of one variant and of many, and what each variant changes."""

import pytest

from hydra_steps.config import resolve_study
from hydra_steps.report.setup import conditions, setup_sentences, title

TANH, RELU = "LeNet-5 (tanh, average pooling)", "LeNet-5 (ReLU, max pooling)"
STUDY = {
    "study": "many",
    "data": {"name": "mnist"},
    "noise": {"kind": "symmetric", "rate": 0.2},
    "model": {"name": "lenet5_tanh"},
}


def _study(**variants):
    return resolve_study({**STUDY, "variants": variants})


@pytest.mark.parametrize(
    ("variants", "expected"),
    [
        ({}, f"MNIST with 20\u00a0% label noise learnt by {TANH}"),
        (
            {"a": {}, "b": {"noise": {"rate": 0.5}}},
            f"MNIST with 20\u00a0% and 50\u00a0% label noise learnt by {TANH}",
        ),
        (
            {"a": {"noise": {"kind": "none"}}, "b": {"model": {"name": "lenet5_relu"}}},
            f"MNIST with no and 20\u00a0% label noise learnt by {TANH} and {RELU}",
        ),
        ({"a": {"noise": {"kind": "none"}}}, f"MNIST learnt by {TANH}"),
        (
            {"a": {}, "b": {"data": {"name": "fashion_mnist"}}},
            f"MNIST and Fashion-MNIST with 20\u00a0% label noise learnt by {TANH}",
        ),
    ],
)
def test_the_title_names_all_variants_once(variants, expected):
    assert title(_study(**variants)) == expected


def test_conditions_are_the_merged_variants():
    found = conditions(_study(low={}, high={"noise": {"rate": 0.8}}))
    assert {name: one["noise"]["rate"] for name, one in found.items()} == {"low": 0.2, "high": 0.8}
    assert {one["noise"]["kind"] for one in found.values()} == {"symmetric"}


def test_every_variant_says_what_it_changes():
    last = setup_sentences(_study(low={}, high={"noise": {"rate": 0.8}, "model": {"name": "lenet5_relu"}}))[
        -1
    ]
    assert last.startswith("2 variants of this set-up: **low** (as it is) and **high** (")
    assert "``noise.rate`` 0.8" in last
    assert "``model.name`` lenet5_relu" in last
