"""What a layer's rule takes and gives; see :mod:`hydra_steps.tangents.chain`, whose letters are used here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from torch import Tensor, nn

Dots = Mapping[str, Tensor]  # of a layer's parameters, by attribute: [q, …]
Pull = Callable[[Tensor | None, Tensor], tuple[Tensor | None, Tensor]]  # (δ, ε) of y → (δ, ε) of x
Bars = dict[str, Tensor]  # the tangents of a layer's gradients, by attribute: [q, …]


class Pushed(NamedTuple):
    """What a layer gives: ``y``, ``y_dot`` (None for zero), and its way back, which needs ẋ to be there.

    ``bars`` gives the tangents of its parameters' gradients from (δ, ε) of y; None for a layer without parameters.
    """

    y: Tensor
    y_dot: Tensor | None
    pull: Pull
    bars: Callable[[Tensor | None, Tensor], Bars] | None = None


Rule = Callable[[nn.Module, Tensor, Tensor | None, Dots], Pushed]
