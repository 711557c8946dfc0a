"""Losses of single samples as functions of the model's outputs, with what the sweeps need of them in closed form.

A loss gives, for outputs z [..., b, c] (logits, of classes) and targets y [..., b] (or [..., b, k]: several numbers,
labels or tokens of a sample):

* ``values``  ℓ [..., b]
* ``slope``   ∂ℓ/∂z [..., b, c], differentiable in z
* ``bend``    (∂²ℓ/∂z²) ż [..., b, c], for a tangent ż that z broadcasts to: the Gauss–Newton matrix's inner factor
* ``direction``  ∂ℓ/∂z over its largest entry [..., b, c], and that entry's logarithm [..., b], in float64

The direction is right for samples whose loss is too small for ``slope``: where p_y is 1 but for round-off, p_y − 1 is
not a number to divide by. The closed forms are cheaper than nested automatic differentiation and, the direction apart,
stay differentiable; the tests compare them with autograd.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from hydra_steps.registry import find, load
from hydra_steps.registry.options import options_of


class Loss(Protocol):
    """See the module's docstring."""

    def values(self, logits: Tensor, targets: Tensor) -> Tensor: ...
    def slope(self, logits: Tensor, targets: Tensor) -> Tensor: ...
    def bend(self, logits: Tensor, tangent: Tensor, targets: Tensor) -> Tensor: ...
    def direction(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]: ...


@dataclass(frozen=True)
class ValuesAlone:
    """A loss given as its values alone, ``(outputs [b, c], targets [b, …]) -> [b]``, each sample's from its own; the
    rest comes from automatic differentiation."""

    function: Callable[[Tensor, Tensor], Tensor]

    def values(self, logits: Tensor, targets: Tensor) -> Tensor:
        leading = logits.shape[:-1]
        own = targets.shape[len(leading) :]
        targets = targets.expand(*leading, *own).reshape(-1, *own)
        return self.function(logits.reshape(-1, logits.shape[-1]), targets).view(leading)

    def slope(self, logits: Tensor, targets: Tensor) -> Tensor:
        slope: Tensor = torch.func.grad(lambda z: self.values(z, targets).sum())(logits)
        return slope

    def bend(self, logits: Tensor, tangent: Tensor, targets: Tensor) -> Tensor:
        logits = logits.expand_as(tangent)
        # Twice backward: not every function has a forward mode that can be differentiated again.
        bent: Tensor = torch.func.grad(lambda z: (self.slope(z, targets) * tangent).sum())(logits)
        return bent

    def direction(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return over_largest(self.slope(logits.double(), targets))


def over_largest(slope: Tensor) -> tuple[Tensor, Tensor]:
    """``slope`` [..., c] over its largest entry, zeros where all are 0, and that entry's logarithm [...]."""
    largest = slope.abs().amax(-1)
    return slope / largest.where(largest > 0, 1)[..., None], largest.log()


def build_loss(name: str, options: Mapping[str, Any]) -> Loss:
    """The loss of a task; options that are not given take their defaults.

    Raises :class:`StudyError` for an unknown name or option.
    """
    chosen = options_of(find("task", name, "training.loss.name"), options, "training.loss")
    built = load("task", name)(**chosen)
    return built if hasattr(built, "slope") else ValuesAlone(built)
