"""Samples that are made up in the form of a study's, where no data are needed: to try a model, to time a step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hydra_steps.config.targets import CLASS, LABELS, NUMBERS, TOKENS
from hydra_steps.data.run_data import Split


def made_up(
    shape: Sequence[int], asks: str, outputs: int, count: int, generator: np.random.Generator, tokens: int = 0
) -> Split:
    """Return ``count`` samples of this shape with targets of this kind; of ``outputs`` classes each is there.

    ``tokens``: inputs are numbers of so many tokens."""
    places = np.arange(count)
    if asks == TOKENS:
        drawn = generator.integers(outputs, size=(count, *shape))
        return Split(drawn, np.roll(drawn, -1, axis=1), places)
    inputs = (
        generator.integers(tokens, size=(count, *shape)) if tokens else _normal((count, *shape), generator)
    )
    if asks == CLASS:
        targets: np.ndarray = places % outputs
    elif asks == LABELS:
        targets = (places[:, None] + np.arange(outputs)) % 2
    else:
        assert asks == NUMBERS
        targets = np.sin(places[:, None] + np.arange(outputs)).astype(np.float32)
    return Split(inputs, targets, places)


def _normal(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    return generator.standard_normal(shape, dtype=np.float32)
