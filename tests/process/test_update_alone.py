"""Optimizers given as their update alone: PyTorch's bits, the closed forms' pullbacks, and exact HyDRA through them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.autograd import forward_ad

from hydra_steps.errors import StudyError
from hydra_steps.process.optimizers import build_optimizer
from hydra_steps.process.optimizers.adam import Adam
from hydra_steps.process.optimizers.sgd import SGD
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import run
from hydra_steps.process.together import run_together
from hydra_steps.registry import use_plugins
from hydra_steps.registry.plugins import VARIABLE
from hydra_steps.scoring.hydra_forward import forward
from hydra_steps.scoring.sweep import reverse_sweep
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import built, relative_error, tiny_data, tiny_rates, tiny_settings
from tests.helpers.unrolled import unrolled_contribution, unrolled_final_state

OWN = Path(__file__).parents[1] / "helpers" / "own_updates.py"
RATE, STEPS = 0.01, 5
PLAIN = {
    "own_sgd": lambda p: torch.optim.SGD(p, lr=RATE, momentum=0.9, weight_decay=0.01),
    "own_adam": lambda p: torch.optim.Adam(p, lr=RATE, weight_decay=0.01),
    "own_rmsprop": lambda p: torch.optim.RMSprop(p, lr=RATE),
}
CLOSED = {"own_sgd": SGD(momentum=0.9, weight_decay=0.01), "own_adam": Adam(weight_decay=0.01)}
SPECS = [{"kind": "mean_loss", "split": "test"}, {"kind": "sample_loss", "split": "validation", "count": 2}]


@pytest.fixture(autouse=True)
def own_updates(monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    use_plugins([str(OWN)])


def _case(slots: int, step: int, dtype: torch.dtype = torch.float64):
    """Parameters, slots and gradient of 7 parameters, one of which no sample has ever moved."""
    generator = torch.Generator().manual_seed(step)
    parameters, gradient = torch.randn(2, 7, dtype=torch.float64, generator=generator)
    state = torch.rand(slots, 7, dtype=torch.float64, generator=generator) * (step > 0)
    parameters[2], gradient[2], state[:, 2] = 0, 0, 0
    return parameters.to(dtype), state.to(dtype), gradient.to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", PLAIN)
def test_the_update_is_torch_optims_bit_for_bit(name, dtype):
    optimizer = build_optimizer(name, {})
    parameters, _, _ = _case(0, 0, dtype)
    slots, leaf = torch.zeros(optimizer.slots, 7, dtype=dtype), torch.nn.Parameter(parameters.clone())
    plain = PLAIN[name]([leaf])
    for step in range(STEPS):
        gradient = _case(0, step, dtype)[2]
        parameters, slots = optimizer.update(parameters, slots, gradient, RATE, step)
        leaf.grad = gradient.clone()
        plain.step()
        assert torch.equal(parameters, leaf.detach())


@pytest.mark.parametrize("step", [0, 3])
@pytest.mark.parametrize("name", CLOSED)
def test_the_pullback_is_the_closed_form(name, step):
    optimizer, closed = build_optimizer(name, {}), CLOSED[name]
    assert optimizer.slots == closed.slots
    before = _case(closed.slots, step)
    generator = torch.Generator().manual_seed(9)
    bars = torch.randn(3, 7, dtype=torch.float64, generator=generator)
    slots_bar = torch.randn(3, closed.slots, 7, dtype=torch.float64, generator=generator)
    found = optimizer.pullback(before, RATE, step, bars, slots_bar)
    expected = closed.pullback(before, RATE, step, bars, slots_bar)
    for mine, right in zip(found, expected, strict=True):
        assert torch.allclose(mine, right, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("step", [0, 3])
@pytest.mark.parametrize("name", ["own_rmsprop", "own_signs"])
def test_the_pullback_is_autograds(name, step):
    optimizer = build_optimizer(name, {})
    before = _case(optimizer.slots, step)
    bars = torch.randn(3, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    slots_bar = bars[:, None].cos().expand(3, optimizer.slots, 7)
    found = optimizer.pullback(before, RATE, step, bars, slots_bar)
    kept = torch.arange(7) != 2
    leaves = [x[..., kept].clone().requires_grad_() for x in before]
    after = optimizer.function(*leaves, RATE, step, **optimizer.options)
    for q in range(3):
        cotangents = (bars[q, kept], slots_bar[q][:, kept])
        expected = torch.autograd.grad(after, leaves, cotangents, retain_graph=True, allow_unused=True)
        for mine, right in zip(found, expected, strict=True):
            if right is not None:
                assert torch.allclose(mine[q][..., kept], right, rtol=1e-12, atol=1e-13)
    assert all(torch.isfinite(part).all() for part in found)  # where √ has no slope, too


def _tiny(name, variant):
    data, settings = tiny_data(), tiny_settings(variant=variant)
    settings["training"]["optimizer"] = {"name": name, "learning_rate": RATE}
    process = built(settings, data)
    rates = tiny_rates(process)
    return (
        process,
        rates,
        Trajectory.in_memory(process, rates),
        QuerySet(expand_queries(SPECS, data), data, process),
    )


def _differences(process, queries, rates, group):
    """−∂f_q/∂w of a group [q] by real re-training: central differences of fourth order."""

    def value(change):
        weights = torch.ones(process.samples, dtype=torch.float64)
        weights[group] += change
        return queries.values(run(process, process.initial_state(), rates, weights=weights))

    h = 1e-4
    return -(8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h)


@pytest.mark.parametrize("variant", ["plain", "dropout"])
@pytest.mark.parametrize("name", PLAIN)
def test_exact_hydra_is_forward_is_unrolled_autograd_is_finite_differences(name, variant):
    process, rates, trajectory, queries = _tiny(name, variant)
    cotangents = queries.cotangents(trajectory.final_state)
    reverse = reverse_sweep(trajectory, cotangents).contribution
    assert relative_error(reverse, unrolled_contribution(process, rates, queries)) <= 1e-8
    *_, (_, _, tangent) = forward(trajectory, torch.arange(process.samples), hessian=True)
    assert relative_error(-cotangents.parameters @ tangent.parameters.T, reverse) <= 1e-8
    group = [1, 4, 7]
    assert relative_error(reverse[:, group].sum(1), _differences(process, queries, rates, group)) <= 1e-5


def test_hypergradients_are_those_of_the_unrolled_training():
    process, rates, trajectory, queries = _tiny("own_rmsprop", "plain")
    found = reverse_sweep(trajectory, queries.cotangents(trajectory.final_state), hyper=True).hyper
    scalars = {
        name: torch.tensor(value, dtype=torch.float64) for name, value in process.optimizer.options.items()
    }
    leaves = [x.requires_grad_() for x in (torch.tensor(rates, dtype=torch.float64), *scalars.values())]
    state = unrolled_final_state(process, leaves[0].unbind(), torch.ones(process.samples).double(), **scalars)
    assert list(found) == ["learning_rate", "alpha", "epsilon"]
    for row, query in enumerate(queries.queries):
        value = queries.value(query, state.parameters, state.buffers)
        for name, expected in zip(found, torch.autograd.grad(value, leaves, retain_graph=True), strict=True):
            assert relative_error(found[name][..., row], expected) <= 1e-8, name


def test_a_decay_that_is_added_to_the_gradient_is_known_to_influence_functions():
    slots = torch.zeros(1, 3)
    assert build_optimizer("own_sgd", {}).stationary_decay(slots, 4) == 0.01
    assert build_optimizer("own_rmsprop", {}).stationary_decay(slots, 4) == 0
    assert build_optimizer("own_decoupled", {"weight_decay": 0.0}).stationary_decay(slots[:0], 4) == 0
    with pytest.raises(StudyError, match="own_decoupled, whose weight decay is not added to the gradient"):
        build_optimizer("own_decoupled", {}).stationary_decay(slots[:0], 4)


def test_several_trainings_at_once_are_each_by_itself():
    process, rates, _, _ = _tiny("own_rmsprop", "plain")
    weights = torch.ones(2, process.samples, dtype=torch.float64)
    weights[1, 3] = 0
    together = run_together(process, rates, weights)
    for k in range(2):
        alone = run(process, process.initial_state(), rates, weights=weights[k])
        assert relative_error(together.parameters[k], alone.parameters) <= 1e-12


def test_what_cannot_be_differentiated_by_a_number_is_named():
    """Forward mode would give 0 without a word."""
    optimizer = build_optimizer("own_signs", {"momentum": 0.5})
    assert optimizer.hyperparameters() == {"momentum": 0.5}
    assert optimizer.slots == 1
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(torch.tensor(0.5).double(), torch.tensor(1.0).double())
        with pytest.raises(StudyError, match=r"own_signs cannot be differentiated by rate: .*scale \* x"):
            optimizer.update(*_case(1, 1), dual, 1)
        with pytest.raises(StudyError, match="differentiated by momentum: add turns a tensor into a number"):
            optimizer.update(*_case(1, 1), RATE, 1, momentum=dual)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("own_clipped", "of one parameter depends on the others"),
        ("own_in_place", "changes its arguments in place"),
        ("own_forgetful", r"returns the shapes .*1 slots"),
        ("own_failing", "fails: IndexError"),
        ("own_incomplete", "takes parameters, gradient; expected: only options with a default, or also"),
    ],
)
def test_what_is_no_pure_elementwise_update_is_refused_with_its_line(name, message):
    with pytest.raises(StudyError, match=rf"own_updates\.py:\d+: the .*optimizer {name}.*{message}"):
        build_optimizer(name, {})
