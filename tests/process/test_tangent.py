"""The layers' own rules for tangents against PyTorch's forward mode, with and without their graph."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hydra_steps.models.keyed import sample_keys
from hydra_steps.models.layers import BatchNorm
from hydra_steps.models.registry import build_model
from hydra_steps.process import tangent
from hydra_steps.process.flat_model import FlatModel
from hydra_steps.process.tangent import supports
from tests.tiny import relative_error

MODELS = [
    ("lenet5_tanh", (1, 12, 12), {}),
    ("lenet5_relu", (3, 13, 12), {}),
    ("lenet5_relu", (1, 28, 28), {"dropout": 0.4}),
    ("mlp", (1, 4, 4), {"hidden": [7, 5], "dropout": 0.2}),
    ("logistic", (1, 4, 4), {}),
]


def _case(name, shape, options):
    model = FlatModel(build_model(name, shape, 4, options, 0))
    generator = torch.Generator().manual_seed(1)
    theta = model.initial.double()
    direction = torch.randn(len(theta), dtype=torch.float64, generator=generator)
    images = torch.randn(5, *shape, dtype=torch.float64, generator=generator)
    return model, theta, direction, images, sample_keys(0, 0, torch.arange(5))


@pytest.mark.parametrize(("name", "shape", "options"), MODELS)
@pytest.mark.parametrize("graph", [True, False])
@pytest.mark.parametrize("enabled", [True, False])
def test_rules_are_forward_mode(name, shape, options, graph, enabled):
    model, theta, direction, images, keys = _case(name, shape, options)
    with torch.set_grad_enabled(enabled):
        found = model.push(theta, direction, model.initial_buffers, images, keys, graph)
        expected = model._push_forward_mode(theta, direction, model.initial_buffers, images, keys)
    for mine, theirs in zip(found, expected, strict=True):
        assert relative_error(mine, theirs) <= 1e-12


@pytest.mark.parametrize(("name", "shape", "options"), MODELS)
def test_the_graphs_gradient_is_that_of_forward_mode(name, shape, options):
    model, theta, direction, images, keys = _case(name, shape, options)
    gradients = []
    for push in (lambda *a: model.push(*a, True), model._push_forward_mode):
        leaf = theta.clone().requires_grad_()
        logits, logits_dot = push(leaf, direction, model.initial_buffers, images, keys)
        gradients.append(torch.autograd.grad((logits.tanh() * logits_dot).sum(), leaf)[0])
    assert relative_error(*gradients) <= 1e-12
    leaf = theta.clone().requires_grad_()
    logits, logits_dot = model.push(leaf, direction, model.initial_buffers, images, keys, False)
    assert logits.requires_grad
    assert not logits_dot.requires_grad


@pytest.mark.parametrize(("name", "shape", "options"), MODELS)
def test_several_directions_share_a_pass(name, shape, options):
    model, theta, direction, images, keys = _case(name, shape, options)
    directions = torch.stack([direction, -2 * direction, direction.flip(0)])
    together = torch.func.vmap(lambda d: model.push(theta, d, model.initial_buffers, images, keys, False)[1])
    alone = [model.push(theta, d, model.initial_buffers, images, keys, False)[1] for d in directions]
    assert relative_error(together(directions), torch.stack(alone)) <= 1e-12


@pytest.mark.parametrize("shape", [(3, 2, 8, 8), (2, 3, 7, 9), (1, 1, 2, 2)])
def test_maxima_by_comparison_have_the_bits_and_the_ties_of_max_pool(shape):
    generator = torch.Generator().manual_seed(2)
    x = torch.randint(-1, 2, shape, generator=generator).float()  # most windows have ties
    x_dot = torch.randn(shape, generator=generator)
    pool, other = nn.MaxPool2d(2), nn.MaxPool2d(2, ceil_mode=True)
    y, y_dot = tangent.push(pool, x, x_dot, {}, False)
    expected, index = nn.functional.max_pool2d(x, 2, return_indices=True)
    assert torch.equal(y, expected)
    assert torch.equal(y_dot, x_dot.flatten(-2).gather(-1, index.flatten(-2)).view(y.shape))
    ceiled = nn.functional.max_pool2d(x, 2, ceil_mode=True)
    if ceiled.shape == expected.shape:
        assert torch.equal(tangent.push(other, x, x_dot, {}, False)[0], ceiled)


def test_layers_without_a_rule_are_left_to_forward_mode():
    assert not supports(nn.Sequential(nn.Linear(2, 2), BatchNorm(2)))
    assert not supports(nn.Conv2d(4, 4, 3, groups=2))
    model = FlatModel(build_model("densenet40", (3, 8, 8), 4, {}, 0))
    assert model.coupled
