"""Models by name: the same initial bits as ever, their options, and what is refused."""

from __future__ import annotations

import hashlib

import pytest
import torch

from hydra_steps.errors import StudyError
from hydra_steps.models.build import build_model
from hydra_steps.models.dropout import KeyedDropout
from hydra_steps.models.layers import BatchNorm
from hydra_steps.registry import entries


@pytest.mark.parametrize(
    ("name", "shape", "options", "digest"),
    [
        ("lenet5_tanh", (1, 28, 28), {}, "adbfa677d0fa6c9c"),
        ("lenet5_relu", (3, 32, 32), {"batch_norm": True, "dropout": 0.1}, "98f654d13a291063"),
        ("mlp", (1, 8, 8), {}, "6e31460b00d74404"),
        ("mlp", (1, 8, 8), {"hidden": [16, 8], "dropout": 0.2, "batch_norm": True}, "22817fe017b9ea3c"),
        ("logistic", (1, 28, 28), {}, "472aaa5bfa065dc7"),
        ("densenet40", (3, 16, 16), {}, "893ed01398638f55"),
    ],
)
def test_initial_parameters_are_pinned(name, shape, options, digest):
    before = torch.random.get_rng_state()
    state = build_model(name, shape, 10, options, seed=3).state_dict()
    found = hashlib.sha256()
    for key, value in state.items():
        found.update(key.encode() + value.numpy().tobytes())
    assert found.hexdigest()[:16] == digest
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    "name",
    [name for name in entries("model") if name not in ("gru", "text_transformer", "table_transformer")],
)
def test_every_option_does_what_it_says(name):
    options = entries("model")[name].options
    given = {"dropout": 0.25, "batch_norm": True, "hidden": [5, 4]}
    module = build_model(
        name, (1, 12, 12), 3, {key: given[key] for key in options if key in given}, seed=0
    ).eval()
    layers = list(module.modules())
    assert any(isinstance(layer, KeyedDropout) and layer.rate == 0.25 for layer in layers) == (
        "dropout" in options
    )
    assert any(isinstance(layer, BatchNorm) for layer in layers) >= ("batch_norm" in options)
    if "hidden" in options:
        widths = [layer.out_features for layer in layers if isinstance(layer, torch.nn.Linear)]
        assert widths == [5, 4, 3]
    assert module(torch.zeros(2, 1, 12, 12)).shape == (2, 3)


def test_an_option_of_another_model_is_passed_over():
    assert len(build_model("logistic", (1, 8, 8), 10, {"hidden": [64], "dropout": 0.5}, seed=0)) == 2


@pytest.mark.parametrize(
    ("name", "shape", "options", "message"),
    [
        ("lenet5_tan", (1, 28, 28), {}, r"model\.name: 'lenet5_tan' is unknown.*did you mean 'lenet5_tanh'"),
        ("mlp", (1, 8, 8), {"hiden": [3]}, r"model\.hiden: \[3\] .*did you mean 'hidden'"),
        ("logistic", (1, 8, 8), {"wideness": 3}, r"model\.wideness: 3 .*remove model\.wideness"),
        ("lenet5_relu", (1, 3, 8), {}, "3×8 pixels; expected: at least 4×4"),
        ("densenet40", (3, 7, 8), {}, "7×8 pixels; expected: at least 8×8"),
    ],
)
def test_what_cannot_be_built_is_named(name, shape, options, message):
    with pytest.raises(StudyError, match=message):
        build_model(name, shape, 10, options, seed=0)
