"""Images with their channels last: the same numbers, and the usual layout where a module looks at memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hydra_steps.config.sections import RunSettings
from hydra_steps.process.building import build_process
from hydra_steps.process.linearise import linearise
from hydra_steps.process.linearised import Curvature, Linearised
from hydra_steps.process.paths import Path, in_blocks
from hydra_steps.process.process import Process
from tests.helpers.tiny import relative_error, tiny_data, tiny_settings

SIDE = 10


class Flattened(nn.Module):
    """Numbers of each image in a row, in the way of ``how``."""

    def __init__(self, how: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        return self.how(x)


class _Views(torch.autograd.Function):
    """Flattened, and viewed on the way back as what only the usual layout allows."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.flatten(1)

    @staticmethod
    def setup_context(context: Any, inputs: Any, output: Tensor) -> None:
        context.shape = inputs[0].shape
        context.save_for_backward(*inputs)

    @staticmethod
    def backward(context: Any, g: Tensor) -> Tensor:
        (x,) = context.saved_tensors
        x.detach().view(-1)
        return g.view(context.shape)


def _asserted(x: Tensor) -> Tensor:
    assert x.is_contiguous()
    return x


HOWS: dict[str, Callable[[Tensor], Tensor]] = {
    "flatten": lambda x: x.flatten(1),
    "reshape": lambda x: x.reshape(len(x), -1),
    "view": lambda x: x.view(len(x), -1),
    "as strided": lambda x: x.as_strided((len(x), x[0].numel()), (x[0].numel(), 1)),
    "view on the way back": lambda x: _Views.apply(x),
    "asserted": lambda x: _asserted(x).flatten(1),
}
SERVED = ("flatten", "reshape")


def network(how: str) -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.Conv2d(16, 32, 3, stride=2), nn.BatchNorm2d(32), nn.Tanh()),
        *(Flattened(HOWS[how]), nn.Linear(512, 3)),
    )


def process_of(how: str, dtype: str = "float64") -> Process:
    torch.manual_seed(0)
    settings = tiny_settings() | {"compute": {"device": "cpu", "dtype": dtype}}
    process = build_process(RunSettings.of(settings), tiny_data(side=SIDE), lambda: network(how))
    process.model.path, process.model.unproved = Path.BACKWARD, False
    return process


def linearised(process: Process, curvature: Curvature, count: int, training: bool = True) -> Linearised:
    state, generator = process.initial_state(), torch.Generator().manual_seed(0)

    def draw(like: Tensor) -> Tensor:
        return torch.randn(count, len(like), generator=generator, dtype=torch.float64).to(like)

    moving = {"buffers_bar": draw(state.buffers), "buffers_dot": draw(state.buffers)} if training else {}
    given = (
        process,
        state.parameters,
        state.buffers,
        process.batch(0),
        draw(state.parameters),
        curvature,
        None,
    )
    return linearise(*given, training=training, **moving)


def assert_same(found: Linearised, expected: Linearised, error: float) -> None:
    for mine, right in zip(found, expected, strict=True):
        assert (mine is None) == (right is None)
        if right is not None and right.numel() and right.abs().max() > 0:
            assert relative_error(mine, right) <= error


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("curvature", Curvature)
def test_the_same_numbers(curvature: Curvature, count: int, training: bool) -> None:
    process, usual = process_of("flatten"), process_of("flatten")
    usual.model.channels_last = False
    found = linearised(process, curvature, count, training)
    forwards = curvature is not Curvature.EXACT and count == 1 and process.model.forwards
    assert process.model.channels_last is (True if training and not forwards else None)
    assert_same(found, linearised(usual, curvature, count, training), 1e-11)
    assert process.model.maps == usual.model.maps


@pytest.mark.parametrize("how", HOWS)
def test_a_module_that_looks_at_memory_keeps_the_usual_layout(how: str) -> None:
    process, usual = process_of(how, "float32"), process_of(how, "float32")
    usual.model.channels_last = False
    for _ in range(2):
        assert_same(linearised(process, Curvature.EXACT, 1), linearised(usual, Curvature.EXACT, 1), 1e-3)
        assert process.model.channels_last is (how in SERVED)
    assert process.model.shortens


def test_in_single_precision_it_is_as_near_to_the_truth() -> None:
    process, usual, right = (
        process_of("flatten", "float32"),
        process_of("flatten", "float32"),
        process_of("flatten"),
    )
    usual.model.channels_last = False
    expected = linearised(right, Curvature.EXACT, 1).parameters_bar
    errors = [
        relative_error(linearised(one, Curvature.EXACT, 1).parameters_bar.double(), expected)
        for one in (process, usual)
    ]
    assert errors[0] <= 3 * errors[1] + 1e-6


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([nn.Conv2d(3, 32, 3), nn.Conv2d(32, 64, 1)], True),
        ([nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)], False),
        ([nn.Conv2d(16, 16, 3, groups=16)], False),
        ([nn.Conv2d(5, 16, 3)], False),
        ([nn.Conv1d(16, 16, 3)], False),
        ([nn.Linear(16, 16)], False),
    ],
)
def test_channels_in_sixteens(layers: list[nn.Module], expected: bool) -> None:
    assert in_blocks(nn.Sequential(*layers)) is expected
