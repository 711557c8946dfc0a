"""Trainings at once against one by one, and the outcome of each whatever its company."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hydra_steps.process.running import run, weights_without
from hydra_steps.process.together import ON_PROCESSOR, at_once, one_by_one, run_together
from tests.helpers.tiny import MODELS, OPTIMIZERS, built, tiny_data, tiny_process, tiny_rates, tiny_settings

CASES = [*((name, "plain") for name in OPTIMIZERS), *(("momentum", name) for name in MODELS)]


@pytest.mark.parametrize(("optimizer", "variant"), CASES)
def test_the_same_states_as_one_by_one(optimizer: str, variant: str) -> None:
    process, _, rates = tiny_process(optimizer, variant=variant)
    weights = torch.rand(5, process.samples, dtype=process.dtype, generator=torch.Generator().manual_seed(0))
    seen = []
    together = run_together(process, rates, weights, lambda *step: seen.append(step))
    assert [step for step, *_ in seen] == list(range(process.steps))
    assert seen[-1][2].largest_difference(together) == 0
    assert together.slots.shape == (5, process.optimizer.slots, process.model.initial.numel())
    for place, state in enumerate(one_by_one(together)):
        losses = []
        alone = run(
            process,
            process.initial_state(),
            rates,
            weights=weights[place],
            observe=lambda step, state, rate, batch_losses, gradient, to=losses: to.append(batch_losses),
        )
        assert state.largest_difference(alone) < 1e-11
        assert all(
            torch.allclose(row[place], one, atol=1e-11) for (_, row, _), one in zip(seen, losses, strict=True)
        )


@pytest.mark.parametrize("model", ["lenet5_tanh", "lenet5_relu"])
def test_convolutions_at_once_too(model: str) -> None:
    """Large ones, too, which only a GPU takes together."""
    settings = tiny_settings(epochs=1)
    settings["model"] = {"name": model}
    process = built(settings, tiny_data(side=28))
    rates = tiny_rates(process)
    weights = torch.stack([weights_without(process, group) for group in ([0], [1, 2], [])])
    for state, row in zip(one_by_one(run_together(process, rates, weights)), weights, strict=True):
        alone = run(process, process.initial_state(), rates, weights=row)
        assert state.largest_difference(alone) < 1e-11


@pytest.mark.parametrize("variant", [*MODELS, "lenet5_tanh", "lenet5_relu"])
def test_company_changes_no_bit(variant: str) -> None:
    if variant in MODELS:
        settings = tiny_settings(variant=variant, epochs=6)
        settings["model"]["hidden"] = [33]
    else:
        settings = tiny_settings(epochs=6, batch_size=32)
        settings["model"] = {"name": variant}
    settings["compute"]["dtype"] = "float32"
    process = built(settings, tiny_data(samples=50, side=8))
    rates = tiny_rates(process)
    groups = [np.array([n]) for n in range(ON_PROCESSOR)]
    weights = torch.stack([weights_without(process, torch.from_numpy(group)) for group in groups])
    whole = one_by_one(run_together(process, rates, weights))
    for part in ([3], [5, 3], [3, 7, 11], list(range(ON_PROCESSOR))[::-1]):
        for state, place in zip(one_by_one(run_together(process, rates, weights[part])), part, strict=True):
            assert state.equal(whole[place])


def test_small_models_go_together() -> None:
    assert all(at_once(tiny_process(variant=variant)[0]) == ON_PROCESSOR for variant in MODELS)


@pytest.mark.parametrize(
    ("side", "batch", "count"), [(8, 64, ON_PROCESSOR), (28, 16, ON_PROCESSOR), (28, 64, 1)]
)
def test_convolutions_go_together_where_they_are_small(side: int, batch: int, count: int) -> None:
    settings = tiny_settings(epochs=1, batch_size=batch)
    settings["model"] = {"name": "lenet5_relu"}
    process = built(settings, tiny_data(samples=130, side=side))
    assert process.convolved_by_step % batch == 0
    assert at_once(process) == count
