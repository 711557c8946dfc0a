"""Batch norm's needs: more than one number per feature, wherever PyTorch asks for them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from hydra_steps.errors import StudyError
from hydra_steps.models.layers import BatchNorm
from hydra_steps.process.process import build_process
from hydra_steps.process.running import run
from tests.helpers.tiny import tiny_data, tiny_settings

NORMALISED: dict[str, dict[str, Any]] = {
    "mlp": {"name": "mlp", "hidden": [5], "batch_norm": True},
    "lenet5_tanh": {"name": "lenet5_tanh", "batch_norm": True},
    "lenet5_relu": {"name": "lenet5_relu", "batch_norm": True},
    "densenet40": {"name": "densenet40"},
}


@pytest.mark.parametrize("shape", [(1, 4), (1, 4, 1), (1, 4, 1, 1), (2, 4), (1, 4, 3), (1, 4, 2, 2)])
def test_a_layer_refuses_what_torchs_refuses(shape: tuple[int, ...]) -> None:
    theirs = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}[len(shape)](4)
    x = torch.randn(shape)
    if x[:, 0].numel() > 1:
        theirs(x)
        BatchNorm(4)(x)
    else:
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            theirs(x)
        with pytest.raises(StudyError, match="one number per feature"):
            BatchNorm(4)(x)
    BatchNorm(4).eval()(x)


@pytest.mark.parametrize(("samples", "size"), [(9, 4), (5, 1), (1, 4)])
@pytest.mark.parametrize("model", NORMALISED)
def test_a_batch_of_one_is_refused_before_the_training_where_pytorch_refuses_it(
    model: str, samples: int, size: int
) -> None:
    """A perceptron has one number per feature and sample; convolutions have as many as places."""
    settings = {**tiny_settings(epochs=1, batch_size=size), "model": NORMALISED[model]}
    data = tiny_data(samples=samples, side=8, classes=min(3, samples))
    if model != "mlp":
        process = build_process(settings, data)
        final = run(process, process.initial_state(), [0.01] * process.steps)
        assert all(torch.isfinite(part).all() for part in final)
        return
    with pytest.raises(StudyError, match="batch") as caught:
        build_process(settings, data)
    message = str(caught.value)
    assert f"a batch of 1 of {samples} training samples" in message
    assert "training.batch_size" in message
    assert "batch_norm" in message


@pytest.mark.parametrize(("samples", "size"), [(8, 4), (10, 4), (2, 4)])
def test_batches_of_two_and_more_are_trained(samples: int, size: int) -> None:
    settings = {**tiny_settings(epochs=1, batch_size=size), "model": NORMALISED["mlp"]}
    build_process(settings, tiny_data(samples=samples, classes=2))


def test_without_batch_norm_a_batch_of_one_is_trained() -> None:
    build_process(tiny_settings(batch_size=1), tiny_data())
