"""Modules of anyone's own go by their layers' rules where a recording shows all that they do, and elsewhere not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from hydra_steps.models.dropout import Keyed
from hydra_steps.models.take_over import take_over
from hydra_steps.process.flat_model import FlatModel
from hydra_steps.process.linearise import linearise
from hydra_steps.process.linearised import Curvature, Point
from hydra_steps.process.paths import Path
from hydra_steps.process.process import Process
from hydra_steps.process.twice_backward import twice_backward
from hydra_steps.tangents.chain import plan
from tests.helpers.recorded_models import (
    CLASSES,
    LENGTH,
    NOT_RECORDED,
    OF_IMAGES,
    OF_TEXTS,
    WORDS,
    ByType,
    Leaves,
)
from tests.helpers.tiny import built, tiny_data, tiny_settings

SAMPLES = 7


def process_of(made: nn.Module, of_texts: bool = False) -> Process:
    """A process in float64 with ``made`` as its model."""
    generator = torch.Generator().manual_seed(0)
    process = built(tiny_settings(batch_size=SAMPLES), tiny_data(samples=SAMPLES, side=6, classes=CLASSES))
    inputs = process.inputs
    if of_texts:
        inputs = torch.randint(WORDS, (SAMPLES, LENGTH), generator=generator)
    module = take_over(made)
    model = FlatModel(module).to(process.device, process.dtype)
    keyed = any(isinstance(layer, Keyed) for layer in module.modules())
    return Process(**{**vars(process), "model": model, "inputs": inputs, "keyed": keyed})


def both(process: Process, curvature: Curvature, count: int = 3) -> list[tuple[Tensor, Tensor]]:
    """What the model's path gives, and twice backward."""
    state, batch = process.initial_state(), process.batch(0)
    generator = torch.Generator().manual_seed(1)

    def draw(like: Tensor) -> Tensor:
        return torch.randn(count, len(like), dtype=torch.float64, generator=generator)

    weights = torch.rand(process.samples, dtype=torch.float64, generator=generator) + 0.5
    directions, bar, dot = draw(state.parameters), draw(state.buffers), draw(state.buffers)
    found = linearise(
        process, state.parameters, state.buffers, batch, directions, curvature, weights, bar, dot
    )
    point = Point(state.parameters, state.buffers, batch, weights, True)
    expected = twice_backward(process, point, directions, curvature, bar, dot)
    return [(a, b) for a, b in zip(found, expected, strict=True) if a is not None]


@pytest.mark.parametrize("curvature", Curvature)
@pytest.mark.parametrize(
    ("made", "of_texts"),
    [*((made, False) for made in OF_IMAGES.values()), *((made, True) for made in OF_TEXTS.values())],
)
def test_a_recorded_module_is_exact(
    made: Callable[[], nn.Module], of_texts: bool, curvature: Curvature
) -> None:
    torch.manual_seed(0)
    process = process_of(made(), of_texts)
    assert process.model.unproved, process.model.reason
    for found, expected in both(process, curvature):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)
    assert process.model.path is Path.RULES, process.model.reason
    assert not process.model.unproved


@pytest.mark.parametrize("made", NOT_RECORDED, ids=lambda made: made.__name__)
def test_what_a_recording_does_not_show_goes_twice_backward(made: type[nn.Module]) -> None:
    torch.manual_seed(0)
    process = process_of(made())
    for found, expected in both(process, Curvature.EXACT):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)
    assert process.model.path is Path.BACKWARD
    assert NOT_RECORDED[made] in process.model.reason


def test_what_is_wrong_is_found_where_no_sample_counts_either() -> None:
    torch.manual_seed(0)
    process = process_of(ByType())
    state, batch = process.initial_state(), process.batch(0)
    nobody, direction = (
        torch.zeros(process.samples, dtype=torch.float64),
        torch.ones_like(state.parameters)[None],
    )
    linearise(process, state.parameters, state.buffers, batch, direction, Curvature.EXACT, nobody)
    assert process.model.path is Path.BACKWARD


def test_a_recording_leaves_the_module_as_it_was() -> None:
    module = Leaves()
    before = dict(vars(module)), dict(module._buffers)
    assert "outside of a layer" in plan(module).reason
    assert (vars(module), module._buffers) == before


def test_a_parameter_that_is_not_trained_moves_nothing() -> None:
    torch.manual_seed(0)
    module = OF_IMAGES["ByHand"]()
    module.places.requires_grad_(False)
    process = process_of(module)
    for found, expected in both(process, Curvature.EXACT):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)
    assert process.model.path is Path.RULES


@pytest.mark.parametrize("still", [["0"], ["0", "3"], ["3"]])
def test_layers_that_are_not_trained(still: list[str]) -> None:
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(48, 6), nn.GELU(), nn.Linear(6, CLASSES)
    module = nn.Sequential(*layers)
    for name in still:
        module[int(name)].requires_grad_(False)
    process = process_of(module)
    for curvature in Curvature:
        for found, expected in both(process, curvature):
            torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)
    assert process.model.path is Path.RULES
