"""Kinks of a width: the rule beside autograd through a ReLU that has one, and beside the gradient of many samples."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.autograd import Function

from hydra_steps.config.sections import RunSettings
from hydra_steps.errors import StudyError, Unsuited
from hydra_steps.models.pooling import MaxPool
from hydra_steps.models.resnet18 import BasicBlock
from hydra_steps.process.building import build_process
from hydra_steps.process.flat_model import FlatModel
from hydra_steps.process.linearise import linearise
from hydra_steps.process.linearised import Curvature
from hydra_steps.process.paths import Path
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.registry import find
from hydra_steps.registry.options import check_requirements
from hydra_steps.scoring.hydra import hydra_exact
from hydra_steps.scoring.hydra_averaged import hydra_averaged
from hydra_steps.tangents.kinks import bend_of_relu, counted_kinks, kink_width
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import relative_error, tiny_data, tiny_rates, tiny_settings
from tests.helpers.unrolled import unrolled_final_state

WIDTH = 0.8


class _Slope(Function):
    """1 where x > 0; its derivative is the density of noise around the kink."""

    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(context, delta):
        (x,) = context.saved_tensors
        h = WIDTH * 1.06 * (x - x.mean()).square().mean().sqrt() / x.numel() ** 0.2
        return delta * torch.distributions.Normal(torch.zeros_like(h), h).log_prob(x).exp()


class _Spread(Function):
    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return x.clamp_min(0)

    @staticmethod
    def backward(context, delta):
        return delta * _Slope.apply(*context.saved_tensors)


class SpreadRelu(nn.Module):
    """The slow twin: a ReLU whose second derivative autograd takes from a width."""

    def forward(self, x):
        return _Spread.apply(x)


class Joined(nn.Module):
    """A user's module, which is followed by its graph."""

    def __init__(self, relu=None):
        super().__init__()
        self.one, self.other, self.relu = nn.Linear(6, 6), nn.Linear(6, 6), relu

    def forward(self, x):
        moved = self.one(x)
        return x + self.other(torch.relu(moved) if self.relu is None else self.relu(moved))


def of_images(relu, *layers):
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), relu(), nn.Conv2d(4, 4, 3), MaxPool(), *layers),
        *(nn.Flatten(), nn.Linear(36, 6), relu(), nn.Linear(6, 3)),
    )


def hessian_products(module, width):
    """H u of Σ sin z along three directions, and the model."""
    model = FlatModel(module)
    images = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(1)).double()
    theta = model.initial.double()
    directions = torch.stack([theta, theta.flip(0), theta.cos()])
    with counted_kinks(width):
        logits, logits_dot, _, pull = model.push(theta, directions, model.initial_buffers, images, None)
        return pull(logits.cos(), -logits.sin()[:, None] * logits_dot)[0], (theta, directions, images)


def twin_products(module, theta, directions, images):
    model = FlatModel(module)
    leaf = theta.clone().requires_grad_()
    loss = model.train_logits(leaf, model.initial_buffers, images, None)[0].sin().sum()
    (gradient,) = torch.autograd.grad(loss, leaf, create_graph=True)
    return torch.stack([torch.autograd.grad(gradient @ u, leaf, retain_graph=True)[0] for u in directions])


@pytest.mark.parametrize("joined", [False, True], ids=["layers", "a user's module"])
def test_the_rule_is_autograds_through_a_relu_with_a_width(joined):
    def made(relu, called):
        torch.manual_seed(3)
        module = of_images(relu).double()
        if joined:
            module[5] = nn.Sequential(nn.Linear(36, 6).double(), Joined(called).double())
        return module

    found, given = hessian_products(made(nn.ReLU, None), WIDTH)
    expected = twin_products(made(SpreadRelu, SpreadRelu()), *given)
    assert relative_error(found, expected) <= 1e-12
    plain, _ = hessian_products(made(nn.ReLU, None), 0.0)
    assert relative_error(plain, expected) > 0.01
    assert relative_error(plain, twin_products(made(nn.ReLU, None), *given)) <= 1e-12


def test_it_is_the_change_of_many_samples_gradient():
    """What it is for: a finite step's mean gradient over many inputs, which the Hessian of the path cannot give.

    Two units of a million inputs, of which the step carries some thousands across a kink.
    """
    generator = torch.Generator().manual_seed(5)
    x, target = (torch.randn(1_000_000, size, generator=generator).double() for size in (3, 1))
    torch.manual_seed(2)
    model = FlatModel(nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1)).double())
    theta, u = model.initial.double(), torch.randn(11, generator=generator).double()

    def gradient(parameters):
        leaf = parameters.clone().requires_grad_()
        z = model.train_logits(leaf, model.initial_buffers, x, None)[0]
        return torch.autograd.grad((z - target).square().mean(), leaf)[0]

    def product(width):
        with counted_kinks(width):
            z, z_dot, _, pull = model.push(theta, u[None], model.initial_buffers, x, None)
            return pull(2 * (z - target) / len(x), 2 * z_dot / len(x))[0][0]

    step, first = 0.02, slice(8)  # what stands before the kinks
    real = (gradient(theta + step * u) - gradient(theta - step * u)) / (2 * step)
    assert relative_error(product(1.0)[first], real[first]) <= 0.05  # of so many crossings
    assert relative_error(product(0.0)[first], real[first]) >= 0.2


def test_the_bend_is_a_density_of_the_inputs_own_scale():
    x = torch.linspace(-6, 6, 4001).double() * 3
    with counted_kinks(0.9):
        bend = bend_of_relu(x)
        assert torch.equal(bend_of_relu(torch.full((4,), 2.0)), torch.zeros(4))
        assert torch.equal(bend_of_relu(torch.zeros(4)), torch.zeros(4))
    assert float(torch.trapezoid(bend, x)) == pytest.approx(1, abs=1e-9)
    spread = float(torch.trapezoid(bend * x.square(), x))
    assert math.sqrt(spread) == pytest.approx(0.9 * 1.06 * 4001**-0.2 * float(x.std(correction=0)), rel=1e-6)
    assert bend_of_relu(x) is None
    with pytest.raises(ZeroDivisionError), counted_kinks(2.0):
        raise ZeroDivisionError
    assert kink_width() == 0


SPECS = [{"kind": "mean_loss", "split": "test"}]


def of_training(make):
    """A tiny training of the module that ``make`` gives, and its queries."""
    data = tiny_data()
    settings = RunSettings.of(tiny_settings("momentum", "constant"))
    torch.manual_seed(4)
    module = make()
    process = build_process(settings, data, lambda: module)
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    return Trajectory.in_memory(process, tiny_rates(process)), queries


def network(activation):
    return nn.Sequential(nn.Flatten(), nn.Linear(9, 6), activation(), nn.Linear(6, 3))


def once(trajectory, queries, width):
    return hydra_averaged(trajectory, queries, runs=1, fraction=0.0, kink_width=width).values


def test_a_sweep_is_autograds_through_the_training_of_such_relus():
    found = once(*of_training(lambda: network(nn.ReLU)), WIDTH)
    trajectory, queries = of_training(lambda: network(SpreadRelu))
    process = trajectory.process
    weights = torch.ones(process.samples).double().requires_grad_()
    state = unrolled_final_state(process, trajectory.rates, weights, process.initial_state())
    value = queries.value(queries.queries[0], state.parameters, state.buffers)
    assert relative_error(found[0], -torch.autograd.grad(value, weights)[0]) <= 1e-10
    exact = hydra_exact(*of_training(lambda: network(nn.ReLU))).values
    assert relative_error(exact, found) > 1e-3
    assert relative_error(once(*of_training(lambda: network(nn.ReLU)), 0.0), exact) <= 1e-14


def test_smooth_models_have_no_kinks():
    smooth = of_training(lambda: network(nn.Tanh))
    assert torch.equal(once(*smooth, WIDTH), once(*smooth, 0.0))


def test_a_transformers_relu_and_a_residual_blocks():
    """Where a layer has the ReLU inside, its kink has the width too."""
    encoder = nn.TransformerEncoderLayer(4, 1, 6, dropout=0.0, batch_first=True)
    rows = [nn.Flatten(), nn.Linear(9, 12), nn.Unflatten(1, (3, 4))]
    for layers in ([BasicBlock(1, 2, 1)], [*rows, encoder]):
        module = nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(3))
        with torch.no_grad():
            module(torch.randn(2, 1, 3, 3))
        trajectory, queries = of_training(lambda module=module: module)
        plain, counted = (once(trajectory, queries, width) for width in (0.0, WIDTH))
        assert trajectory.process.model.path is Path.RULES
        assert relative_error(counted, plain) > 1e-6


def test_models_without_rules_are_refused_by_name():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = network(nn.ReLU)

        def forward(self, x):
            y = self.layers(x)
            return y if y.sum() > -1e9 else -y  # looks at its data

    trajectory, queries = of_training(Own)
    assert trajectory.process.model.path is not Path.RULES
    with pytest.raises(Unsuited, match="kinks are counted by layers' rules alone.*Own.*leave out kink_width"):
        once(trajectory, queries, WIDTH)
    directions = torch.ones(1, len(trajectory.process.model.initial)).double()
    state = trajectory.final_state
    with counted_kinks(WIDTH):  # without the Hessian there is no kink
        linearise(
            trajectory.process,
            *state[::2],
            trajectory.process.batch(0),
            directions,
            Curvature.NONE,
        )


def test_a_gauss_newton_matrix_has_no_kinks():
    entry = find("method", "hydra_averaged")
    options = entry.defaults() | {"curvature": "gauss_newton", "kink_width": 0.3}
    with pytest.raises(StudyError, match="kink_width 0"):
        check_requirements(entry, options, "methods.mine")
    check_requirements(entry, entry.defaults() | {"kink_width": 0.3}, "methods.mine")
