"""What was studied, in words: one line for studies of one variant and of many, and what each variant changes."""

import pytest

from hydra_steps.config import resolve_study
from hydra_steps.config.study import Study
from hydra_steps.registry.plugins import VARIABLE
from hydra_steps.report.setup import by_variant, setup_sentences, title

TANH, RELU = "LeNet-5 (tanh, average pooling)", "LeNet-5 (ReLU, max pooling)"
STUDY = {
    "study": "many",
    "data": {"name": "mnist"},
    "noise": {"kind": "symmetric", "rate": 0.2},
    "model": {"name": "lenet5_tanh"},
}


def resolved(study):
    return Study.of(resolve_study(study))


def _study(**variants):
    return resolved({**STUDY, "variants": variants})


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
        ({"a": {"noise": {"kind": "unknown"}}}, f"MNIST learnt by {TANH}"),
        (
            {"a": {}, "b": {"data": {"name": "fashion_mnist"}}},
            f"MNIST and Fashion-MNIST with 20\u00a0% label noise learnt by {TANH}",
        ),
    ],
)
def test_the_title_names_all_variants_once(variants, expected):
    assert title(_study(**variants)) == expected


def test_conditions_are_the_merged_variants():
    found = by_variant(_study(low={}, high={"noise": {"rate": 0.8}}))
    assert {name: one.noise.rate for name, one in found.items()} == {"low": 0.2, "high": 0.8}
    assert {one.noise.kind for one in found.values()} == {"symmetric"}


def test_every_variant_says_what_it_changes():
    last = setup_sentences(_study(low={}, high={"noise": {"rate": 0.8}, "model": {"name": "lenet5_relu"}}))[
        -1
    ]
    assert last.startswith("2 variants of this set-up: **low** (as it is) and **high** (")
    assert "``noise.rate`` 0.8" in last
    assert "``model.name`` lenet5_relu" in last


@pytest.mark.parametrize(
    ("noise", "expected"),
    [
        ({"kind": "none"}, "The labels were left as they are."),
        (
            {"kind": "unknown"},
            "The training labels were as they came; which of them are wrong is not known.",
        ),
        ({"kind": "symmetric", "rate": 0.0}, "The labels were left as they are."),
        (
            {"kind": "symmetric", "rate": 0.25},
            "In the training split 25\u00a0% of the labels were replaced by another class drawn at random.",
        ),
        (
            {
                "kind": "transition_matrix",
                "matrix": [[0.9 if a == b else 0.1 / 9 for b in range(10)] for a in range(10)],
            },
            "The training labels were changed by a given class-transition matrix.",
        ),
    ],
)
def test_noise_is_said_in_the_words_of_its_declaration(noise, expected):
    assert setup_sentences(resolved({**STUDY, "noise": noise}))[0].endswith(expected)


def test_the_training_is_said_in_titles_and_options():
    training = {
        "optimizer": {"name": "adamw", "weight_decay": 0.01},
        "schedule": {"name": "cosine"},
        "epochs": 3,
    }
    study = {**STUDY, "model": {"name": "mlp", "hidden": [32, 16]}, "training": training, "seeds": [4]}
    said = setup_sentences(resolved(study))[1]
    assert said == (
        "Model: multi-layer perceptron with hidden layers of 32 and 16 units, trained for 3 epochs, batches of 64, "
        "AdamW (learning rate 0.05, weight decay 0.01), cosine rate, cross-entropy loss; seed 4."
    )
    assert title(resolved(study)).endswith("learnt by a multi-layer perceptron")


def test_what_a_plug_in_brings_is_said_by_its_title(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    (tmp_path / "own.py").write_text(
        "from hydra_steps.plugins import dataset, noise\n"
        "@dataset('leaves', title='leaves of trees', classes=['a', 'b'], shape=[1, 4, 4], parts={'train': 99})\n"
        "def leaves(folder): ...\n"
        "@noise('wind')\n"
        "def wind(clean, rate: float = 0.1): ...\n"
    )
    config = {
        "plugins": ["own.py"],
        "data": {"name": "leaves", "train": 50, "validation": 20, "test": 20},
        "noise": {"kind": "wind", "rate": 0.5},
    }
    assert setup_sentences(Study.of(resolve_study(config, tmp_path)))[0] == (
        "Data: leaves of trees; 50 training, 20 validation and 20 test samples, drawn once. "
        "In the training split 50\u00a0% of the labels were changed by wind noise."
    )
