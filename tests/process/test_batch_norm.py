"""Batch norm's needs: more than one number per feature, wherever PyTorch asks for them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from hydra_steps.errors import StudyError
from hydra_steps.models.layers import BatchNorm
from hydra_steps.process.running import run
from tests.helpers.tiny import built, relative_error, tiny_data, tiny_settings

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
        process = built(settings, data)
        final = run(process, process.initial_state(), [0.01] * process.steps)
        assert all(torch.isfinite(part).all() for part in final)
        return
    with pytest.raises(StudyError, match="batch") as caught:
        built(settings, data)
    message = str(caught.value)
    assert f"a batch of 1 of {samples} training samples" in message
    assert "training.batch_size" in message
    assert "batch_norm" in message


@pytest.mark.parametrize(("samples", "size"), [(8, 4), (10, 4), (2, 4)])
def test_batches_of_two_and_more_are_trained(samples: int, size: int) -> None:
    settings = {**tiny_settings(epochs=1, batch_size=size), "model": NORMALISED["mlp"]}
    built(settings, tiny_data(samples=samples, classes=2))


def test_without_batch_norm_a_batch_of_one_is_trained() -> None:
    built(tiny_settings(batch_size=1), tiny_data())


def _normalised(
    x: torch.Tensor, weights: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    layer = BatchNorm(x.shape[1]).double()
    layer.weights = weights
    return layer(x), layer.running_mean, layer.running_var


SHAPES = [(6, 4), (6, 4, 3), (6, 4, 3, 2)]


@pytest.mark.parametrize("scale", [1.0, 0.5, 1e-3])
@pytest.mark.parametrize("shape", SHAPES)
def test_equal_weights_are_none(shape: tuple[int, ...], scale: float) -> None:
    x = torch.randn(shape, dtype=torch.float64)
    pairs = zip(_normalised(x, torch.full((6,), scale).double()), _normalised(x, None), strict=True)
    assert all(relative_error(mine, right) <= 1e-13 for mine, right in pairs)


@pytest.mark.parametrize("shape", SHAPES)
def test_samples_of_weight_0_are_not_there(shape: tuple[int, ...]) -> None:
    x, kept = torch.randn(shape, dtype=torch.float64), [0, 2, 5]
    x[1] = 1e6
    weights = torch.zeros(6, dtype=torch.float64)
    weights[kept] = 1
    mine, right = _normalised(x, weights), _normalised(x[kept], None)
    assert relative_error(mine[0][kept], right[0]) <= 1e-12
    assert relative_error(mine[1], right[1]) <= 1e-12
    assert relative_error(mine[2], right[2]) <= 1e-12


@pytest.mark.parametrize("shape", SHAPES)
def test_a_weight_of_2_counts_twice_in_mean_and_variance(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, dtype=torch.float64)
    weights = torch.tensor([2, 1, 1, 0, 1, 1], dtype=torch.float64)
    twice = [0, 0, 1, 2, 4, 5]
    assert relative_error(_normalised(x, weights)[0][[0, 1]], _normalised(x[twice], None)[0][[0, 2]]) <= 1e-12
    assert relative_error(_normalised(x, weights)[1], _normalised(x[twice], None)[1]) <= 1e-12


@pytest.mark.parametrize("left", [0, 1])
@pytest.mark.parametrize("shape", SHAPES)
def test_batches_of_which_one_or_none_is_left_stay_finite(shape: tuple[int, ...], left: int) -> None:
    """With no sample left nothing changes; with one number left for a feature the running variance does not."""
    x = torch.randn(shape, dtype=torch.float64).requires_grad_()
    weights = torch.zeros(6, dtype=torch.float64)
    weights[:left] = 1
    y, mean, variance = _normalised(x, weights)
    assert torch.isfinite(y).all()
    assert torch.isfinite(torch.autograd.grad((y.square().flatten(1).sum(1) * weights).sum(), x)[0]).all()
    if not left:
        assert (mean == 0).all()
    if not left or len(shape) == 2:
        assert (variance == 1).all()
    if left:
        assert relative_error(mean, 0.1 * x[0].reshape(4, -1).mean(1)) <= 1e-12
