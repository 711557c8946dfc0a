"""Samples that are made up in the form of a study's, where no data are needed: to try a model, to time a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hydra_steps.config.datasets import Dataset
from hydra_steps.config.targets import CLASS, LABELS, NUMBERS, TOKENS
from hydra_steps.data.group import Group, Shape, members_of
from hydra_steps.data.run_data import Split


def made_up(entry: Dataset, shape: Shape, count: int, generator: np.random.Generator) -> Split:
    """Return ``count`` samples of a dataset, of this shape, with targets of its kind; of classes each is there."""
    asks, outputs, most = entry.asks, len(entry.outputs), entry.tokens or len(entry.outputs)
    places = np.arange(count)
    inputs: Any
    if isinstance(shape, Mapping):
        kinds = entry.dtype if isinstance(entry.dtype, Mapping) else {}
        sizes = {name: (count, *own) for name, own in shape.items()}
        inputs = Group(
            {name: _drawn(own, kinds.get(name, "float32"), most, generator) for name, own in sizes.items()}
        )
    else:
        whole = asks == TOKENS or entry.tokens > 0
        inputs = _drawn((count, *shape), "int64" if whole else "float32", most, generator)
    if asks == TOKENS:
        length = next(member.shape[1] for member in members_of(inputs).values())
        return Split(inputs, generator.integers(outputs, size=(count, length)), places)
    if asks == CLASS:
        targets: np.ndarray = places % outputs
    elif asks == LABELS:
        targets = (places[:, None] + np.arange(outputs)) % 2
    else:
        assert asks == NUMBERS
        targets = np.sin(places[:, None] + np.arange(outputs)).astype(np.float32)
    return Split(inputs, targets, places)


def _drawn(shape: tuple[int, ...], dtype: str, most: int, generator: np.random.Generator) -> np.ndarray:
    """Random numbers; whole ones below ``most``, as tokens are, and flags that are all true."""
    if dtype == "int64":
        return generator.integers(most, size=shape)
    if dtype == "bool":
        return np.ones(shape, bool)
    return generator.standard_normal(shape, dtype=np.float32)
