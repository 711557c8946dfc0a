"""The whole state s_t of a training run: parameters, optimizer slots, buffers."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class State(NamedTuple):
    """s = (θ, optimizer slots, buffers), all flat.

    Shapes: ``parameters`` [..., p], ``slots`` [..., slot, p], ``buffers`` [..., r]. The same type carries
    tangents and cotangents, whose leading axes count tracked samples or queries. A tuple, so torch's
    transforms see its leaves.
    """

    parameters: Tensor
    slots: Tensor
    buffers: Tensor

    def equal(self, other: State) -> bool:
        """Bit-for-bit equality (NaN equals nothing)."""
        return all(torch.equal(a, b) for a, b in zip(self, other, strict=True))

    def largest_difference(self, other: State) -> float:
        """The largest absolute difference over all entries."""
        differences = [
            (a - b).abs().max().item()
            for a, b in zip(self, other, strict=True)
            if a.numel() and a.shape == b.shape
        ]
        return max(differences, default=0.0)
