"""Tiny runs of every task: regression, several labels, next tokens, weighted classes; float64, a dozen samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hydra_steps.config.targets import CLASS, LABELS, NUMBERS, TOKENS
from hydra_steps.data import RunData, Split
from hydra_steps.data.group import Group
from hydra_steps.process.process import Process
from hydra_steps.registry import use_plugins
from tests.helpers.tiny import built, tiny_rates, tiny_settings

WEIGHTS = (0.5, 2.0, 1.0)
LENGTH, TOKENS_THERE = 4, 5

# A language model without attention: what it has read is the mean of the embeddings so far.
LANGUAGE_MODEL = '''
import torch
from torch import nn

from hydra_steps.plugins import model


class Reader(nn.Module):
    def __init__(self, tokens, width):
        super().__init__()
        self.embed, self.read, self.say = nn.Embedding(tokens, width), nn.Linear(width, width), nn.Linear(width, tokens)

    def forward(self, ids):
        seen = self.embed(ids).cumsum(1) / torch.arange(1, ids.shape[1] + 1)[:, None]
        return self.say(self.read(seen).tanh())


@model("reader")
def reader(shape, outputs, width: int = 4):
    """Mean of the embeddings so far, one hidden layer."""
    return Reader(outputs, width)


class Masked(nn.Module):
    def __init__(self, tokens, width, outputs):
        super().__init__()
        self.embed, self.say = nn.Embedding(tokens, width), nn.Linear(width, outputs)

    def forward(self, ids, mask):
        seen = (self.embed(ids) * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return self.say(seen.tanh())


@model("masked")
def masked(shape, outputs, width: int = 4):
    """Mean of the embeddings that the mask lets through."""
    assert set(shape) == {"ids", "mask"}
    return Masked(5, width, outputs)
'''


@dataclass(frozen=True)
class Case:
    """A loss, its twin in plain PyTorch ``(outputs, targets) -> [b]``, what it asks for, and queries that fit."""

    loss: dict[str, Any]
    plain: Callable[[Tensor, Tensor], Tensor]
    asks: str
    queries: list[dict[str, Any]] = field(default_factory=list)
    grouped: bool = False  # whether a sample is token ids with their mask


def _next_tokens(outputs: Tensor, targets: Tensor) -> Tensor:
    logits = outputs.view(len(targets), targets.shape[1], -1)
    losses = functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none", ignore_index=-100)
    return losses.sum(1) / (targets != -100).sum(1)


_VALUE = {"kind": "sample_value", "split": "test", "samples": [1], "position": 1}
_RESIDUAL = {"kind": "sample_residual", "split": "validation", "samples": [0]}
_NUMBERS = [_VALUE, _RESIDUAL]
CASES = {
    "squared_error": Case(
        {"name": "squared_error"},
        lambda z, y: functional.mse_loss(z, y, reduction="none").mean(1),
        NUMBERS,
        _NUMBERS,
    ),
    "absolute_error": Case(
        {"name": "absolute_error"},
        lambda z, y: functional.l1_loss(z, y, reduction="none").mean(1),
        NUMBERS,
        _NUMBERS,
    ),
    "huber": Case(
        {"name": "huber", "delta": 0.5},
        lambda z, y: functional.huber_loss(z, y, reduction="none", delta=0.5).mean(1),
        NUMBERS,
        _NUMBERS,
    ),
    "binary_cross_entropy": Case(
        {"name": "binary_cross_entropy"},
        lambda z, y: functional.binary_cross_entropy_with_logits(z, y.double(), reduction="none").mean(1),
        LABELS,
        [{"kind": "sample_log_odds", "split": "test", "samples": [1], "position": 1}],
    ),
    "next_token": Case(
        {"name": "next_token"},
        _next_tokens,
        TOKENS,
        [{"kind": "sample_continuation", "split": "test", "samples": [1], "start": 1}],
    ),
    "class_weights": Case(
        {"name": "cross_entropy", "class_weights": list(WEIGHTS), "label_smoothing": 0.1},
        lambda z, y: functional.cross_entropy(
            z, y, torch.tensor(WEIGHTS, dtype=z.dtype), reduction="none", label_smoothing=0.1
        ),
        CLASS,
        [{"kind": "class_loss", "split": "test"}],
    ),
    "ids_and_mask": Case(
        {"name": "cross_entropy"},
        lambda z, y: functional.cross_entropy(z, y, reduction="none"),
        CLASS,
        [{"kind": "sample_margin", "split": "test", "samples": [1]}],
        grouped=True,
    ),
}


def case_data(asks: str, samples: int = 11, seed: int = 0, grouped: bool = False) -> RunData:
    """Random samples with targets that depend on them; 6 validation and 7 test samples."""
    draw = np.random.default_rng(seed)

    def split(count: int) -> Split:
        if grouped:
            ids, length = (
                draw.integers(TOKENS_THERE, size=(count, LENGTH)),
                draw.integers(1, LENGTH + 1, count),
            )
            classes = ids[:, 0] % 3
            classes[:3] = [0, 1, 2]
            mask = np.arange(LENGTH) < length[:, None]
            return Split(Group({"ids": ids, "mask": mask}), classes, np.arange(count))
        if asks == TOKENS:
            text = draw.integers(TOKENS_THERE, size=(count, 1)) + np.cumsum(
                draw.integers(1, 3, (count, LENGTH + 1)), 1
            )
            text %= TOKENS_THERE
            targets = text[:, 1:].copy()
            targets[::3, -1] = -100  # some are shorter
            return Split(text[:, :-1].copy(), targets, np.arange(count))
        inputs = draw.standard_normal((count, 6)).astype(np.float32)
        scores = inputs[:, :3] + 0.3 * draw.standard_normal((count, 3)).astype(np.float32)
        if asks == CLASS:
            targets = scores.argmax(1)
            targets[:3] = [0, 1, 2]
        else:
            targets = (scores[:, :2] > 0).astype(np.int64) if asks == LABELS else np.tanh(scores[:, :2])
        return Split(inputs, targets, np.arange(count))

    validation, test, train = split(6), split(7), split(samples)
    count = {CLASS: 3, TOKENS: TOKENS_THERE}.get(asks, 2)
    names = tuple(str(place) for place in range(count))
    return RunData(train, validation, test, None, None, names, "tiny", "0" * 64, asks)


def case_process(
    case: Case, folder: Path, samples: int = 11, **training: Any
) -> tuple[Process, RunData, list[float]]:
    """The process of a case, its data and its rates. ``folder`` takes the language model's file."""
    data = case_data(case.asks, samples, grouped=case.grouped)
    settings = tiny_settings("momentum", loss=case.loss, **training)
    if case.asks == TOKENS or case.grouped:
        (folder / "reader.py").write_text(LANGUAGE_MODEL)
        use_plugins(["reader.py"], folder)
        settings["model"] = {"name": "masked" if case.grouped else "reader"}
    process = built(settings, data)
    return process, data, tiny_rates(process)
