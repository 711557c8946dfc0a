"""Pooling over 2×2 windows against PyTorch's, in every order and mode of differentiation."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad, gradcheck, gradgradcheck

from hydra_steps.models.pooling import AveragePool, MaxPool, pool_first

PAIRS = [(MaxPool(), nn.MaxPool2d(2)), (AveragePool(), nn.AvgPool2d(2))]
SHAPES = [(3, 2, 8, 8), (2, 3, 7, 9), (1, 1, 2, 2), (0, 2, 4, 4)]
pairs = pytest.mark.parametrize(("mine", "torchs"), PAIRS, ids=["maximum", "average"])


def _random(shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(8))
def test_maxima_and_their_way_back_have_the_bits_and_the_ties_of_max_pool(shape, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(-1, 2, shape, generator=generator).float().requires_grad_()  # most windows have ties
    mine, torchs = MaxPool()(x), nn.functional.max_pool2d(x, 2)
    assert torch.equal(mine, torchs)
    delta = torch.randn(mine.shape, generator=generator)
    assert torch.equal(*(torch.autograd.grad(y, x, delta)[0] for y in (mine, torchs)))


@pytest.mark.parametrize("shape", SHAPES[:3])
def test_means_are_torchs(shape):
    x = _random(shape).requires_grad_()
    mine, torchs = AveragePool()(x), nn.functional.avg_pool2d(x, 2)
    assert torch.allclose(mine, torchs, rtol=1e-15, atol=1e-15)
    delta = _random(mine.shape, 1)
    assert torch.equal(*(torch.autograd.grad(y, x, delta)[0] for y in (mine, torchs)))


@pairs
@pytest.mark.parametrize("shape", [(2, 2, 4, 6), (1, 2, 5, 3)])
def test_derivatives_of_both_orders_and_modes(mine, torchs, shape):
    """Against finite differences: backwards, forwards, and the backward pass's own derivatives."""
    x = _random(shape).requires_grad_()
    assert gradcheck(lambda x: mine(x).sin(), x, check_forward_ad=True)
    assert gradgradcheck(lambda x: mine(x).sin(), x, check_fwd_over_rev=True, check_rev_over_rev=True)


@pairs
@pytest.mark.parametrize("axis", [0, 1, 4])
def test_vmap_over_any_axis(mine, torchs, axis):
    x = _random((3, 2, 4, 6, 5), axis)
    assert torch.allclose(*(torch.vmap(pool, axis, 1)(x) for pool in (mine, torchs)), rtol=1e-15, atol=1e-15)
    bends = [
        torch.vmap(torch.func.grad(lambda x, pool=pool: pool(x).sin().sum()), axis)(x)
        for pool in (mine, torchs)
    ]
    assert torch.allclose(*bends, rtol=1e-14, atol=1e-15)


@pairs
def test_a_tangent_through_a_gradient_shared_by_many_directions(mine, torchs):
    """Forward over reverse, mapped over directions at one point, as curvature products do it."""
    x, directions = _random((2, 3, 4, 6)), _random((5, 2, 3, 4, 6), 1)

    def bends(pool):
        gradient = torch.func.grad(lambda x: pool(x).sin().square().sum())
        return torch.vmap(lambda u: torch.func.jvp(gradient, (x,), (u,))[1])(directions)

    assert torch.allclose(bends(mine), bends(torchs), rtol=1e-13, atol=1e-14)


@pairs
def test_a_tangent_through_a_gradient_that_keeps_no_graph(mine, torchs):
    x, x_dot = _random((2, 3, 4, 6)), _random((2, 3, 4, 6), 1)

    def pushed(pool):
        with forward_ad.dual_level():
            leaf = forward_ad.make_dual(x.clone().requires_grad_(), x_dot)
            (gradient,) = torch.autograd.grad(pool(leaf).sin().sum(), leaf)
            return gradient, forward_ad.unpack_dual(gradient).tangent

    for found, expected in zip(pushed(mine), pushed(torchs), strict=True):
        assert torch.allclose(found, expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("pool", [MaxPool(), nn.MaxPool2d(2), nn.MaxPool2d(3, stride=2, padding=1)])
@pytest.mark.parametrize("seed", range(4))
def test_relu_behind_the_maximum_has_the_same_bits_and_derivatives(pool, seed):
    generator = torch.Generator().manual_seed(seed)
    written = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), pool, nn.Flatten())
    swapped = pool_first(copy.deepcopy(written))
    assert [type(layer) for layer in swapped] == [type(written[place]) for place in (0, 1, 3, 2, 4)]
    assert list(swapped.state_dict()) == list(written.state_dict())
    x = torch.randint(
        -2, 3, (4, 2, 8, 10), generator=generator
    ).float()  # ties, and windows without a positive
    ways = []
    for module in (written, swapped):
        y = module(x)
        delta = torch.randn(y.shape, generator=torch.Generator().manual_seed(seed))
        ways.append([y, *torch.autograd.grad(y, list(module.parameters()), delta)])
    assert all(torch.equal(one, other) for one, other in zip(*ways, strict=True))


@pytest.mark.parametrize("seed", range(8))
def test_no_derivative_passes_a_window_without_anything_positive(seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(-2, 2, (3, 2, 6, 8), generator=generator).float().requires_grad_()
    delta = torch.randn(3, 2, 3, 4, generator=generator)
    written = nn.Sequential(nn.ReLU(), MaxPool())
    both = (written, pool_first(copy.deepcopy(written)))
    assert torch.equal(*(torch.autograd.grad(module(x), x, delta)[0] for module in both))


def test_only_a_relu_right_before_a_maximum_moves():
    inner = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))
    module = nn.Sequential(nn.Tanh(), MaxPool(), inner, nn.ReLU(), nn.AvgPool2d(2), nn.ReLU(), nn.Flatten())
    kinds = [type(layer) for layer in module]
    pool_first(module)
    assert [type(layer) for layer in module] == kinds
    assert [type(layer) for layer in inner] == [nn.MaxPool2d, nn.ReLU]
