"""The layers' own rules for tangents and their way back against PyTorch's forward mode and autograd."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad

from hydra_steps.models.build import build_model
from hydra_steps.models.keyed import sample_keys
from hydra_steps.models.pooling import AveragePool, MaxPool
from hydra_steps.process.flat_model import FlatModel
from hydra_steps.tangents import chain as tangent
from hydra_steps.tangents import pools
from hydra_steps.tangents.chain import without_rules
from hydra_steps.tasks.classes import CrossEntropy
from tests.helpers.tiny import relative_error

MODELS = [
    ("lenet5_tanh", (1, 12, 12), {}),
    ("lenet5_relu", (3, 13, 12), {}),
    ("lenet5_relu", (1, 28, 28), {"dropout": 0.4}),
    ("mlp", (1, 4, 4), {"hidden": [7, 5], "dropout": 0.2}),
    ("logistic", (1, 4, 4), {}),
]


def _case(name, shape, options):
    model = FlatModel(build_model(name, shape, 4, options, 0))
    images = torch.randn(5, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return model, model.initial.double(), images, sample_keys(0, 0, torch.arange(5)), model.initial_buffers


@pytest.mark.parametrize(("name", "shape", "options"), MODELS)
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("training", [True, False])
def test_rules_are_forward_mode(name, shape, options, count, training):
    """z, ż, H u and G u of all directions at once against forward mode and a backward pass through it, one by one."""
    model, theta, images, keys, buffers = _case(name, shape, options)
    directions = torch.stack([theta, theta.flip(0), theta.cos()])[:count]
    labels, share = torch.tensor([0, 3, 1, 0, 2]), torch.tensor([0.3, 0.0, 0.2, 1.0, 0.5]).double()[:, None]
    loss = CrossEntropy()
    logits, logits_dot, _, pull = model.push(theta, directions, buffers, images, keys, training)
    assert logits_dot.shape == (5, count, 4)
    bend = share[:, None] * loss.bend(logits[:, None], logits_dot, labels[:, None])
    hessian, gauss_newton = pull(share * loss.slope(logits, labels), bend)[0], pull(None, bend)[0]
    assert not any(part.requires_grad for part in (logits, logits_dot, hessian, gauss_newton))
    for place, direction in enumerate(directions):
        leaf = theta.clone().requires_grad_()
        with forward_ad.dual_level():
            dual = forward_ad.make_dual(leaf, direction)
            pushed = (
                model.train_logits(dual, buffers, images, keys)[0]
                if training
                else model.logits(dual, buffers, images)
            )
            z, z_dot = forward_ad.unpack_dual(pushed)
            slopes = (share * loss.slope(z, labels) * z_dot).sum()
        inner = share * loss.bend(z.detach(), z_dot.detach(), labels)
        expected = torch.autograd.grad(z, leaf, inner, retain_graph=True)[0]
        assert relative_error(gauss_newton[place], expected) <= 1e-12
        assert relative_error(hessian[place], torch.autograd.grad(slopes, leaf)[0]) <= 1e-12
        assert relative_error(logits, z) <= 1e-12
        assert relative_error(logits_dot[:, place], z_dot) <= 1e-12


POOLS = [
    nn.MaxPool2d(2),
    nn.MaxPool2d(2, ceil_mode=True),
    nn.MaxPool2d(3, stride=2, padding=1),
    nn.MaxPool2d(2, dilation=2),
    MaxPool(),
    AveragePool(),
]


@pytest.mark.parametrize("pool", POOLS, ids=str)
@pytest.mark.parametrize("sides", [(8, 8), (7, 9)])
def test_pooling_goes_the_way_of_autograd(pool, sides):
    generator = torch.Generator().manual_seed(3)
    x, x_dot = (
        torch.randn(2, 3, *sides, generator=generator),
        torch.randn(2, 4, 3, *sides, generator=generator),
    )
    pushed = tangent.RULES[type(pool)](pool, x, x_dot, {})
    leaf = x.clone().requires_grad_()
    y = pool(leaf)
    assert torch.equal(pushed.y, y)
    delta = torch.randn(y.shape, generator=generator)
    delta_dot = torch.randn(2, 4, *y.shape[1:], generator=generator)
    back, back_dot = pushed.pull(delta, delta_dot)
    assert torch.allclose(back, torch.autograd.grad(y, leaf, delta, retain_graph=True)[0])
    for q in range(4):
        expected = torch.autograd.grad(y, leaf, delta_dot[:, q], retain_graph=True)[0]
        assert torch.allclose(back_dot[:, q], expected)
        with forward_ad.dual_level():
            dual = pool(forward_ad.make_dual(x, x_dot[:, q]))
            assert torch.allclose(pushed.y_dot[:, q], forward_ad.unpack_dual(dual).tangent)


@pytest.mark.parametrize("means", [(1, 1), (2, 3), (5, 5), (9, 7)])
def test_shares_of_adaptive_means_are_pytorchs(means):
    x, y = (
        torch.randn(2, 3, *sides, generator=torch.Generator().manual_seed(5)).double()
        for sides in ((7, 9), means)
    )
    expected = torch.ops.aten._adaptive_avg_pool2d_backward(y, x)
    assert relative_error(pools.spread_by_shares(y, x), expected) <= 1e-12


@pytest.mark.parametrize("settings", [{"stride": 2}, {"padding": 1}, {"dilation": 2, "bias": False}])
def test_convolutions_of_any_form(settings):
    """A layer after another, so that its input has a tangent; H u against forward mode."""
    torch.manual_seed(4)
    module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Tanh(), nn.Conv2d(3, 4, 3, **settings), nn.Flatten())
    model = FlatModel(module.double())
    images, theta = torch.randn(3, 2, 9, 8).double(), model.initial.double()
    directions = torch.stack([theta.sin(), theta.flip(0)])
    logits, logits_dot, _, pull = model.push(theta, directions, model.initial_buffers, images, None)
    found, _ = pull(logits.cos(), -logits.sin()[:, None] * logits_dot)  # of the loss Σ sin z

    def loss(parameters):
        return model.train_logits(parameters, model.initial_buffers, images, None)[0].sin().sum()

    for place, direction in enumerate(directions):
        expected = torch.func.jvp(torch.func.grad(loss), (theta,), (direction,))[1]
        assert relative_error(found[place], expected) <= 1e-12


@pytest.mark.parametrize("shape", [(3, 2, 8, 8), (2, 3, 7, 9), (1, 1, 2, 2)])
def test_tangents_of_maxima_are_those_at_max_pools_choice(shape):
    generator = torch.Generator().manual_seed(2)
    x = torch.randint(-1, 2, shape, generator=generator).float()  # most windows have ties
    x_dot = torch.randn(shape, generator=generator)
    expected, index = nn.functional.max_pool2d(x, 2, return_indices=True)
    for pool in (MaxPool(), nn.MaxPool2d(2)):
        y, y_dot = tangent.RULES[type(pool)](pool, x, x_dot[:, None], {})[:2]
        assert torch.equal(y, expected)
        assert torch.equal(y_dot[:, 0], x_dot.flatten(-2).gather(-1, index.flatten(-2)).view(y.shape))


def test_layers_without_a_rule_are_named():
    flat = nn.Sequential(nn.Flatten(), nn.Linear(2, 2))
    assert not without_rules(flat)
    assert without_rules(nn.Sequential(*flat, nn.LSTM(2, 2))) == "'2' (LSTM) has no rule"
    assert without_rules(nn.Conv2d(4, 4, 3, padding="same"))
    assert without_rules(nn.Flatten(2))
    assert without_rules(nn.Sequential(nn.MaxPool2d(2, return_indices=True)))


def test_sequences_that_do_more_than_call_their_layers_have_no_rules():
    class Other(nn.Sequential):
        def forward(self, x):
            return super().forward(x).cumsum(1)

    def layers():
        return nn.Flatten(), nn.Linear(2, 2), nn.Linear(2, 2)

    assert not without_rules(nn.Sequential(*layers()))
    assert "Other" in without_rules(Other(*layers()))
    assert "Other" in without_rules(nn.Sequential(nn.Flatten(), Other(*layers())))
    hooks = ("register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook")
    for register in (*hooks, "register_full_backward_pre_hook"):
        hooked = nn.Sequential(*layers())
        getattr(hooked[1], register)(lambda *_: None)
        assert "'1' (Linear) has a hook" in without_rules(hooked)
    handle = nn.modules.module.register_module_forward_hook(lambda *_: None)
    assert "hooks of all modules" in without_rules(nn.Sequential(*layers()))
    handle.remove()
    own = nn.Sequential(*layers())
    own[1].forward = lambda x: 2 * x
    assert "'1' (Linear) has a forward pass of its own" in without_rules(own)
    same, act = nn.Linear(2, 2), nn.Tanh()
    assert "used twice" in without_rules(nn.Sequential(nn.Flatten(), same, act, same))
    assert not without_rules(nn.Sequential(nn.Flatten(), same, act, nn.Linear(2, 2), act))
    tied = nn.Sequential(*layers())
    tied[2].weight = tied[1].weight
    assert "shares a parameter" in without_rules(tied)
    frozen = nn.Sequential(*layers())
    frozen[1].bias.requires_grad_(False)
    assert "'1' (Linear) is frozen" in without_rules(frozen)


def test_a_model_with_batch_norm_is_coupled():
    model = FlatModel(build_model("densenet40", (3, 8, 8), 4, {}, 0))
    assert model.coupled
