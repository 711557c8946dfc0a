"""The rules of normalisation, activations, attention and whole blocks against twice backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from hydra_steps.config.sections import RunSettings
from hydra_steps.config.targets import CLASS, TOKENS
from hydra_steps.data import RunData, Split
from hydra_steps.models.densenet import Bottleneck
from hydra_steps.models.layers import BatchNorm
from hydra_steps.models.resnet18 import BasicBlock
from hydra_steps.models.texts import Gru, TextTransformer
from hydra_steps.process.building import build_process
from hydra_steps.process.linearise import linearise
from hydra_steps.process.linearised import Curvature
from hydra_steps.process.paths import Path
from hydra_steps.process.process import Process
from hydra_steps.tangents.chain import RULES, without_rules
from hydra_steps.tangents.generic import GENERIC
from tests.helpers.any_task import case_data
from tests.helpers.tiny import tiny_data, tiny_settings

Made = Callable[[], nn.Module]
SIDE, CLASSES, VOCABULARY, LENGTH = 6, 3, 5, 4  # of case_data


def images(*layers: nn.Module) -> nn.Module:
    """Layers between two others, so that what they are given moves and so does what follows."""
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), *layers, nn.Flatten(), nn.LazyLinear(CLASSES))


def rows(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 8), *layers, nn.LazyLinear(CLASSES))


def encoder(**options: Any) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(4, 2, 6, **{"dropout": 0.0, "batch_first": True} | options)


def lively(module: nn.Module) -> nn.Module:
    """No weight at a special value."""
    for parameter in module.parameters():
        parameter.data += 0.3 * torch.rand(parameter.shape)
    return module


OF_IMAGES: dict[str, Made] = {
    "batch norm": lambda: images(BatchNorm(4), nn.Tanh()),
    "batch norm first": lambda: nn.Sequential(BatchNorm(1), *images()),
    "batch norm without affine": lambda: images(BatchNorm(4, affine=False), nn.Tanh()),
    "batch norm of rows": lambda: rows(BatchNorm(8, momentum=0.3), nn.Tanh()),
    "group norm": lambda: images(nn.GroupNorm(2, 4), nn.Tanh()),
    "group norm without affine": lambda: images(nn.GroupNorm(1, 4, affine=False), nn.Tanh()),
    "layer norm": lambda: rows(nn.LayerNorm(8), nn.Tanh()),
    "layer norm of places": lambda: images(nn.LayerNorm(SIDE), nn.Tanh()),
    "layer norm without bias": lambda: images(nn.LayerNorm(SIDE, bias=False), nn.Tanh()),
    "layer norm first": lambda: nn.Sequential(nn.LayerNorm(SIDE), *images()),
    "GELU": lambda: rows(nn.GELU()),
    "SiLU": lambda: rows(nn.SiLU()),
    "sigmoid": lambda: rows(nn.Sigmoid()),
    "linear at places": lambda: nn.Sequential(nn.Linear(SIDE, 4), nn.Tanh(), nn.Linear(4, 3), *images()[1:]),
    "average pooling": lambda: images(nn.Tanh(), nn.AvgPool2d(3, 2, 1, count_include_pad=False)),
    "convolution in groups": lambda: images(nn.Tanh(), nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2)),
    "convolution of each channel": lambda: images(nn.Conv2d(4, 8, 3, groups=4, bias=False), nn.Tanh()),
    "dilated convolution": lambda: images(nn.Tanh(), nn.Conv2d(4, 5, 2, dilation=2, stride=2)),
    "adaptive pooling": lambda: images(nn.Tanh(), nn.AdaptiveAvgPool2d(1)),
    "adaptive pooling to more": lambda: images(nn.Tanh(), nn.Identity(), nn.AdaptiveAvgPool2d((2, 4))),
    "dense block": lambda: images(Bottleneck(4, 0.2, 7), Bottleneck(16, 0.0, 8)),
    "dense block first": lambda: nn.Sequential(Bottleneck(1, 0.0, 7), nn.Flatten(), nn.LazyLinear(CLASSES)),
    "residual blocks": lambda: images(BasicBlock(4, 4, 1), BasicBlock(4, 6, 2)),
    "residual block first": lambda: nn.Sequential(BasicBlock(1, 4, 1), nn.Flatten(), nn.LazyLinear(CLASSES)),
}
OF_TEXTS: dict[str, Made] = {
    "embedding": lambda: nn.Sequential(nn.Embedding(5, 4), nn.Tanh(), nn.Linear(4, 5)),
    "encoder": lambda: nn.Sequential(nn.Embedding(5, 4), encoder(), nn.Linear(4, 5)),
    "encoder, norm first": lambda: nn.Sequential(
        nn.Embedding(5, 4), encoder(norm_first=True, activation="gelu"), nn.Linear(4, 5)
    ),
    "encoder with dropout": lambda: nn.Sequential(nn.Embedding(5, 4), encoder(dropout=0.3), nn.Linear(4, 5)),
    "encoders": lambda: nn.Sequential(
        nn.Embedding(5, 4), nn.TransformerEncoder(encoder(), 2, nn.LayerNorm(4)), nn.Linear(4, 5)
    ),
    "encoders without norm": lambda: nn.Sequential(
        nn.Embedding(5, 4), nn.TransformerEncoder(encoder(), 2), nn.Linear(4, 5)
    ),
    "GRU": lambda: Gru(VOCABULARY, VOCABULARY, 4, True),
    "text transformer": lambda: TextTransformer(LENGTH, VOCABULARY, VOCABULARY, 4, 2, 2, True),
    "GRU of classes": lambda: Gru(VOCABULARY, 3, 3, False),
    "text transformer of classes": lambda: TextTransformer(LENGTH + 1, VOCABULARY, 3, 4, 1, 1, False),
}


def process_of(name: str) -> Process:
    """A process of batches of 4."""
    torch.manual_seed(1)
    made = OF_IMAGES.get(name) or OF_TEXTS[name]
    module, settings = made(), tiny_settings("momentum")
    data = tiny_data(8, SIDE, CLASSES) if name in OF_IMAGES else case_data(TOKENS, 8)
    if name in OF_TEXTS and not name.endswith("of classes"):
        settings["training"]["loss"] = {"name": "next_token"}
    elif name in OF_TEXTS:
        parts = [
            Split(s.inputs, s.inputs[:, 0] % 3, s.source_index)
            for s in (data.train, data.validation, data.test)
        ]
        data = RunData(*parts, None, None, ("0", "1", "2"), "tiny", "0" * 64, CLASS)
    with torch.no_grad():
        module.eval()(torch.from_numpy(np.asarray(data.train.inputs)))  # lazy layers take their sizes
    return build_process(RunSettings.of(settings), data, lambda: lively(module.train()))


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("curvature", Curvature)
@pytest.mark.parametrize("name", [*OF_IMAGES, *OF_TEXTS])
def test_rules_are_twice_backward(name: str, curvature: Curvature, count: int) -> None:
    process = process_of(name)
    assert process.model.path is Path.RULES, process.model.reason
    state, batch = process.initial_state(), process.batch(1)
    generator = torch.Generator().manual_seed(0)

    def draw(like: torch.Tensor) -> torch.Tensor:
        return torch.randn(count, len(like), dtype=torch.float64, generator=generator)

    weights = torch.rand(process.samples, dtype=torch.float64, generator=generator) + 0.5
    weights[batch.index[1]] = 0
    given = (process, state.parameters, state.buffers, batch, draw(state.parameters), curvature, weights)
    moving = {"buffers_bar": draw(state.buffers), "buffers_dot": draw(state.buffers)}
    found = linearise(*given, **moving)
    process.model.path = Path.BACKWARD
    expected = linearise(*given, **moving)
    for what, mine, right in zip(found._fields, found, expected, strict=True):
        if right is None or (curvature is Curvature.NONE and what == "buffers_bar"):
            continue
        assert mine is not None
        assert mine.shape == right.shape
        assert torch.allclose(mine, right, rtol=1e-9, atol=1e-11), what


def test_each_rule_is_tested() -> None:
    """By these cases, or by those of the layers that are in LeNet-5 and perceptrons."""
    older = {
        "Linear",
        "Conv2d",
        "Tanh",
        "ReLU",
        "Flatten",
        "KeyedDropout",
        "MaxPool",
        "MaxPool2d",
        "AveragePool",
        # test_generic.py
        *("Conv1d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"),
        *("KeyedChannelDropout", "KeyedAlphaDropout"),
    }
    within = {type(layer) for made in {**OF_IMAGES, **OF_TEXTS}.values() for layer in made().modules()}
    assert {kind.__name__ for kind in RULES if kind not in within | {*GENERIC}} <= older


@pytest.mark.parametrize(
    "layer",
    [
        nn.Embedding(5, 4, padding_idx=0),
        nn.Embedding(5, 4, max_norm=1.0),
        nn.LayerNorm((3, 4)),
        nn.MaxPool1d(2, return_indices=True),
        nn.InstanceNorm1d(4, track_running_stats=True),
        nn.GRU(4, 4),
        nn.LSTM(4, 4),
        nn.LSTM(4, 4, batch_first=True, proj_size=2),
        nn.LSTM(4, 4, 2, batch_first=True, dropout=0.1),
        encoder(batch_first=False),
        encoder(activation="relu", dropout=0.1),
        encoder(activation=torch.tanh),
    ],
    ids=str,
)
def test_settings_without_a_rule_are_refused(layer: nn.Module) -> None:
    assert without_rules(nn.Sequential(layer))
