"""Losses of every kind of targets against plain PyTorch and autograd, and metrics against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, r2_score
from torch import Tensor

from hydra_steps.tasks.losses import build_loss
from hydra_steps.tasks.metrics import MEASURES
from tests.helpers.any_task import CASES, LENGTH, TOKENS_THERE, case_data
from tests.helpers.tiny import relative_error

LOSSES = [name for name, case in CASES.items() if not case.grouped]


def _drawn(name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs [5, c], a tangent [5, c], and targets."""
    case = CASES[name]
    targets = torch.tensor(case_data(case.asks).test.targets[:5])
    width = {"tokens": LENGTH * TOKENS_THERE, "class": 3}.get(case.asks, 2)
    outputs, tangent = torch.randn(
        2, 5, width, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
    return outputs, tangent, targets.double() if targets.is_floating_point() else targets


@pytest.mark.parametrize("name", LOSSES)
def test_values_slope_and_bend_are_pytorchs(name: str) -> None:
    case = CASES[name]
    options = dict(case.loss)
    loss = build_loss(options.pop("name"), options)
    outputs, tangent, targets = _drawn(name)
    assert relative_error(loss.values(outputs, targets), case.plain(outputs, targets)) <= 1e-14
    slope = torch.autograd.functional.jacobian(lambda z: case.plain(z, targets).sum(), outputs)
    assert relative_error(loss.slope(outputs, targets), slope) <= 1e-12
    hessian = torch.autograd.functional.hessian(lambda z: case.plain(z, targets).sum(), outputs)
    bend = torch.einsum("bcde,de->bc", hessian, tangent)
    found = loss.bend(outputs, tangent, targets)
    assert torch.allclose(found, bend, rtol=1e-12, atol=1e-14)
    many = loss.bend(outputs[:, None], tangent[:, None].expand(-1, 3, -1), targets[:, None])
    assert torch.allclose(many, found[:, None].expand_as(many), rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", LOSSES)
def test_the_direction_is_the_slope_over_its_size(name: str) -> None:
    options = dict(CASES[name].loss)
    loss = build_loss(options.pop("name"), options)
    outputs, _, targets = _drawn(name)
    direction, size = loss.direction(outputs, targets)
    assert torch.allclose(
        direction * size.exp()[:, None], loss.slope(outputs, targets), rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize("name", ["binary_cross_entropy", "next_token"])
def test_a_slope_that_is_lost_in_float64_has_a_direction(name: str) -> None:
    loss = build_loss(CASES[name].loss["name"], {})
    outputs, _, targets = _drawn(name)
    if name == "next_token":
        right = torch.nn.functional.one_hot(targets.clamp(min=0), TOKENS_THERE).flatten(1)
    else:
        right = 2 * targets - 1
    direction, size = loss.direction(outputs + 900 * right, targets)
    assert torch.isfinite(direction).all()
    assert torch.isfinite(size).all()
    assert (size < -700).all()
    assert direction.abs().amax(1).min() > 0.1


def test_metrics_are_scikit_learns() -> None:
    draw = np.random.default_rng(0)
    y, z = draw.standard_normal((2, 30, 2))
    labels, logits = draw.integers(0, 2, (30, 3)), draw.standard_normal((30, 3))

    def measured(name: str, outputs: np.ndarray, targets: np.ndarray) -> float:
        measure = MEASURES[name]
        parts = zip(torch.tensor(outputs).split(7), torch.tensor(targets).split(7), strict=True)
        return measure.value(torch.stack([measure.sums(*part) for part in parts]).sum(0), len(outputs))

    assert measured("r2", z, y) == pytest.approx(r2_score(y, z), rel=1e-12)
    right = (logits > 0).astype(int)
    assert measured("mean_accuracy", logits, labels) == pytest.approx((right == labels).mean(), rel=1e-12)
    assert measured("f1", logits, labels) == pytest.approx(
        f1_score(labels, right, average="macro"), rel=1e-12
    )
    classes = labels[:, 0] + labels[:, 1]
    assert measured("accuracy", logits, classes) == accuracy_score(classes, logits.argmax(1))
    assert math.isnan(measured("r2", z, np.ones_like(y)))


def test_perplexity_counts_tokens_and_not_sequences() -> None:
    outputs, _, targets = _drawn("next_token")
    logits = outputs.view(5, LENGTH, -1)
    expected = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=-100
    ).exp()
    measure = MEASURES["perplexity"]
    assert measure.value(measure.sums(outputs, targets), 5) == pytest.approx(float(expected), rel=1e-12)
