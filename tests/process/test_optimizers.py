"""Optimizers: their pullbacks against autograd, their declarations, and what does not go together."""

from __future__ import annotations

import pytest
import torch

from hydra_steps.errors import StudyError
from hydra_steps.process.optimizers import build_optimizer
from hydra_steps.registry import find
from hydra_steps.registry.expressions import evaluate
from hydra_steps.registry.options import choice, options_of
from tests.helpers.tiny import OPTIMIZERS, tiny_process


def test_decoupled_sgd_decays_the_parameters_directly():
    process, _, rates = tiny_process("decoupled")
    state = process.initial_state()
    gradient = process.gradient(state.parameters, state.buffers, process.batch(0))[0]
    after, slots = process.optimizer.update(state.parameters, state.slots, gradient, rates[0], 0)
    assert torch.equal(slots[0], gradient)
    assert torch.allclose(after, state.parameters * (1 - 0.1 * 0.05) - 0.1 * gradient, atol=1e-15)


@pytest.mark.parametrize("step", [0, 3])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_pullback_is_autograd_of_update(name, step):
    optimizer = build_optimizer(*choice(OPTIMIZERS[name], "learning_rate"))
    generator = torch.Generator().manual_seed(step)
    parameters, gradient = torch.randn(2, 7, dtype=torch.float64, generator=generator)
    slots = torch.rand(optimizer.slots, 7, dtype=torch.float64, generator=generator) * (step > 0)
    gradient[2] = 0  # with an empty second moment at step 0: where √v has no derivative
    parameters[2] = 0
    bars = torch.randn(3, 7, dtype=torch.float64, generator=generator)
    slots_bar = torch.randn(3, optimizer.slots, 7, dtype=torch.float64, generator=generator)
    found = optimizer.pullback((parameters, slots, gradient), 0.1, step, bars, slots_bar)
    leaves = [x.clone().requires_grad_() for x in (parameters, slots, gradient)]
    after = optimizer.update(*leaves, 0.1, step)
    for q in range(3):
        expected = torch.autograd.grad(
            after, leaves, (bars[q], slots_bar[q]), retain_graph=True, allow_unused=True
        )
        for mine, right, leaf in zip(found, expected, leaves, strict=True):
            right = torch.zeros_like(leaf) if right is None else right
            assert torch.allclose(mine[q], right, atol=1e-12), name


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_declared_number_of_slots_is_the_real_one(name):
    chosen, options = choice(OPTIMIZERS[name], "learning_rate")
    entry = find("optimizer", chosen)
    declared = evaluate(entry.traits["slots"], options_of(entry, options, ""))
    assert declared == build_optimizer(chosen, options).slots


@pytest.mark.parametrize("options", [{"momentum": 0.0}, {"momentum": 0.5, "dampening": 0.1}])
def test_nesterov_needs_a_momentum_and_no_dampening(options):
    with pytest.raises(StudyError, match=r"training\.optimizer: sgd with momentum .*nesterov true"):
        build_optimizer("sgd", {"nesterov": True, **options})
    assert build_optimizer("sgd", {"nesterov": True, "momentum": 0.5})


def test_what_is_not_known_is_named():
    with pytest.raises(StudyError, match=r"training\.optimizer\.name: 'sgdd' .*did you mean 'sgd'"):
        build_optimizer("sgdd", {})
    with pytest.raises(StudyError, match=r"training\.optimizer\.amsgrad: true is given"):
        build_optimizer("adam", {"amsgrad": True})
