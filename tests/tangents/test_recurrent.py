"""Recurrent layers, of any depth, one way or both, against twice backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hydra_steps.process.linearised import Curvature
from hydra_steps.process.paths import Path
from tests.helpers.recorded_models import CLASSES, WORDS
from tests.tangents.test_graphs import both, process_of

WIDTH = 4
KINDS: dict[str, Callable[..., nn.RNNBase]] = {
    "RNN": nn.RNN,
    "RNN of ReLU": lambda *sizes, **options: nn.RNN(*sizes, nonlinearity="relu", **options),
    "LSTM": nn.LSTM,
    "GRU": nn.GRU,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "one": {},
    "without bias": {"bias": False},
    "deep": {"num_layers": 3},
    "both ways": {"bidirectional": True},
    "deep both ways": {"num_layers": 2, "bidirectional": True, "bias": False},
}
Take = Callable[[Tensor, Tensor], Tensor]  # of the outputs and the last states


def _mean(outputs: Tensor, states: Tensor) -> Tensor:
    return outputs[:, 1:].mean(1)


def _last(outputs: Tensor, states: Tensor) -> Tensor:
    return states[-1]


class Reader(nn.Module):
    """Words through a recurrent layer; or rows of pictures, which do not move."""

    def __init__(self, read: nn.RNNBase, take: Take, of_texts: bool = True) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, 6) if of_texts else None
        self.read, self.take = read, take
        self.head = nn.LazyLinear(CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = x.squeeze(1) if self.words is None else self.words(x)
        if isinstance(self.read, nn.LSTM):
            outputs, (states, _) = self.read(x)
        else:
            outputs, states = self.read(x)
        return self.head(self.take(outputs, states).tanh())


def _compared(read: nn.RNNBase, take: Take, of_texts: bool = True) -> tuple[Path, str]:
    """The path of a network around ``read``, which gives what twice backward gives, and why."""
    module = Reader(read, take, of_texts)
    module(torch.ones(2, 6, dtype=torch.long) if of_texts else torch.ones(2, 1, 6, 6))
    process = process_of(module, of_texts)
    for curvature in Curvature:
        for found, expected in both(process, curvature):
            torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-13)
    return process.model.path, process.model.reason


@pytest.mark.parametrize("of_texts", [True, False])
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_it_gives_what_twice_backward_gives(kind: str, settings: str, of_texts: bool) -> None:
    torch.manual_seed(0)
    layer = KINDS[kind](6, WIDTH, batch_first=True, **SETTINGS[settings])
    assert _compared(layer, _mean, of_texts) == (Path.RULES, "")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("settings", "take"),
    [
        ({}, _last),
        ({"num_layers": 2}, lambda outputs, states: states[1] * outputs.mean(1)),
        ({"bidirectional": True}, lambda outputs, states: torch.cat([states[0], states[1]], 1)),
        ({"bidirectional": True}, _last),
        ({"num_layers": 2, "bidirectional": True}, lambda outputs, states: states[-2]),
    ],
)
def test_its_last_states(kind: str, settings: dict[str, Any], take: Take) -> None:
    torch.manual_seed(0)
    layer = KINDS[kind](6, WIDTH, batch_first=True, **settings)
    assert _compared(layer, take) == (Path.RULES, "")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("settings", "take"),
    [
        ({"num_layers": 2}, lambda outputs, states: states[0]),
        ({}, lambda outputs, states: states.squeeze(0)),
        ({}, lambda outputs, states: states[-1:].sum(0)),
    ],
)
def test_other_outputs_go_twice_backward(kind: str, settings: dict[str, Any], take: Take) -> None:
    torch.manual_seed(0)
    path, reason = _compared(KINDS[kind](6, WIDTH, batch_first=True, **settings), take)
    assert path is Path.BACKWARD
    assert "takes more than one output" in reason


def test_a_layer_that_is_not_trained_goes_twice_backward() -> None:
    torch.manual_seed(0)
    path, reason = _compared(nn.LSTM(6, WIDTH, batch_first=True).requires_grad_(False), _mean)
    assert path is Path.BACKWARD
    assert "is frozen" in reason
