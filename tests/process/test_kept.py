"""What a pass keeps of its samples, and that no more directions share one than there is room for."""

from __future__ import annotations

import pytest
import torch

from hydra_steps.estimate.nominal import MOST_TANGENTS
from hydra_steps.process import linearise as module
from hydra_steps.process import room
from hydra_steps.process.linearise import linearise
from hydra_steps.process.linearised import Curvature
from hydra_steps.process.room import MEMORY, directions_together, trainings_together
from tests.helpers.foreign import foreign_process
from tests.helpers.tiny import built, relative_error, tiny_data, tiny_process, tiny_settings


def test_a_perceptron_keeps_inputs_activations_and_probabilities() -> None:
    settings, data = tiny_settings(), tiny_data(side=5)
    settings["model"] = {"name": "mlp", "hidden": [7]}
    process = built(settings, data)
    # Float64: the 25 inputs of the first layer, 7 after tanh. The loss is not the model's.
    assert process.bytes_by_sample == 8 * (25 + 7)


@pytest.mark.parametrize("kind", ["dropout", "batch_norm", "attention", "recurrent", "used_twice"])
def test_it_is_known_of_every_kind_of_model_and_grows_with_the_batch(kind: str) -> None:
    process, _, _ = foreign_process(kind)
    assert process.bytes_by_sample > 8 * 9  # at least the inputs
    assert directions_together(process, 4) == room.TOGETHER // 4


def test_where_memory_is_short_fewer_trainings_go_together() -> None:
    settings, data = tiny_settings(), tiny_data(side=5)
    settings["model"] = {"name": "mlp", "hidden": [7]}
    process = built(settings, data)
    numbers = 25 * 7 + 7 + 7 * 3 + 3
    # Twice what is kept of a batch of 4, and parameters and momentum twice.
    each = 2 * 4 * 8 * (25 + 7) + 2 * 2 * 8 * numbers
    assert trainings_together(process, 32, 32 * each) == 32
    assert trainings_together(process, 32, 32 * each - 1) == 16
    assert trainings_together(process, 32, 5 * each) == 4
    assert trainings_together(process, 32, 1) == 1


def test_where_memory_is_short_fewer_share_a_pass_and_nothing_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process, _, _ = tiny_process()
    state, batch = process.initial_state(), process.batch(0)
    directions = torch.randn(
        6, len(state.parameters), dtype=process.dtype, generator=torch.Generator().manual_seed(0)
    )

    def found() -> torch.Tensor:
        made = linearise(process, state.parameters, state.buffers, batch, directions, Curvature.EXACT)
        assert made.parameters_bar is not None
        return torch.cat([made.slopes, made.parameters_bar], 1)

    together, passes = found(), []
    once = module._together
    monkeypatch.setattr(
        module,
        "_together",
        lambda *given: passes.append((len(given[3]), len(given[1].batch))) or once(*given),
    )
    monkeypatch.setattr(room, "MEMORY", 2 * room.TANGENT * len(batch) * process.bytes_by_sample)
    assert relative_error(found(), together) <= 1e-12
    assert passes == [(2, 4)] * 3
    monkeypatch.setattr(room, "MEMORY", 3 * room.TANGENT * process.bytes_by_sample)
    passes.clear()
    assert relative_error(found(), together) <= 1e-12
    assert passes == [(1, 3)] * 6 + [(3, 1)] * 2


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("curvature", Curvature)
@pytest.mark.parametrize("kind", ["dropout", "attention", "used_twice", "batch_norm"])
def test_a_batch_goes_in_parts_where_memory_is_too_small_for_it(
    monkeypatch: pytest.MonkeyPatch, kind: str, curvature: Curvature, count: int
) -> None:
    process, _, _ = foreign_process(kind)
    state, batch = process.initial_state(), process.batch(0)
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(count, len(state.parameters), dtype=process.dtype, generator=generator)
    weights = torch.rand(process.samples, dtype=process.dtype, generator=generator)

    def found() -> list[torch.Tensor]:
        made = linearise(process, state.parameters, state.buffers, batch, directions, curvature, weights)
        return [part for part in made if part is not None and part.numel()]

    whole = found()
    monkeypatch.setattr(room, "MEMORY", 3 * room.TANGENT * process.bytes_by_sample)
    assert room.samples_together(process, len(batch)) == (len(batch) if kind == "batch_norm" else 3)
    for part, expected in zip(found(), whole, strict=True):
        torch.testing.assert_close(part, expected, rtol=1e-9, atol=1e-11)


def test_the_estimate_counts_as_much() -> None:
    assert MOST_TANGENTS == MEMORY
