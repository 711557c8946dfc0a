"""What a function that reads a user's own data returns: samples with their classes and names, in one order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from hydra_steps.config.targets import CLASS


@dataclass(frozen=True)
class Samples:
    """Samples as they were read.

    ``inputs`` [n, ...] uint8, uint16, float32, or int64 for tokens; ``labels`` [n], each a text, a whole number or a
    truth value; ``names`` [n], by which tables, pages and messages call the samples. ``parts`` [n], each train,
    validation or test, where the data say so; None: splits are drawn. ``groups`` [n]: samples of one group come into
    one split. ``kind`` says how a sample is shown; ``shown`` [n]: as this text. ``columns`` names the columns of
    rows. ``scaled``: which channels (of [c, h, w]), which columns (else the last axis) are standardised by the
    training split; None for all. ``gaps``: inputs that are not a number are missing, and become the training split's
    mean. ``white`` is the value of a full pixel. ``classes`` fixes the order of the classes; None sorts them.
    ``kept``: texts by the names of the files that they are kept in, such as a tokenizer.
    """

    inputs: np.ndarray
    labels: Sequence[Any] | np.ndarray
    names: Sequence[str]
    parts: Sequence[str] | None = None
    groups: Sequence[str] | None = None
    kind: Literal["image", "row", "text", "array"] = "array"
    shown: Sequence[str] | None = None
    columns: Sequence[str] = ()
    scaled: Sequence[bool] | None = None
    gaps: bool = False
    white: float = 255.0
    classes: Sequence[str] | None = None
    kept: Mapping[str, str] = field(default_factory=dict)
    asks: str = CLASS
    outputs: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.inputs)
