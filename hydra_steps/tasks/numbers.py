"""One or more real numbers of each sample: regression. Outputs [..., b, k] are the numbers themselves, not logits.

Losses are means over a sample's k numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional

from hydra_steps.registry.decorators import task
from hydra_steps.tasks.losses import over_largest


@task("squared_error", title="squared-error", targets="numbers", metric="r2")
@dataclass(frozen=True)
class SquaredError:
    """Squared difference to the numbers asked for, as ``functional.mse_loss`` defines it."""

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).square().mean(-1)

    def slope(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets) * (2 / outputs.shape[-1])

    def bend(self, outputs: Tensor, tangent: Tensor, targets: Tensor) -> Tensor:
        return tangent * (2 / outputs.shape[-1])

    def direction(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return over_largest(self.slope(outputs.double(), targets))


@task("absolute_error", title="absolute-error", targets="numbers", metric="r2")
@dataclass(frozen=True)
class AbsoluteError:
    """Absolute difference to the numbers asked for, as ``functional.l1_loss`` defines it. It has no curvature, and a
    kink where the difference is 0."""

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).abs().mean(-1)

    def slope(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).sign() / outputs.shape[-1]

    def bend(self, outputs: Tensor, tangent: Tensor, targets: Tensor) -> Tensor:
        return torch.zeros_like(tangent)

    def direction(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return over_largest(self.slope(outputs.double(), targets))


@task("huber", title="Huber", targets="numbers", metric="r2")
@dataclass(frozen=True)
class Huber:
    """Half the squared difference where it is small and a linear one where it is large, as ``functional.huber_loss``
    defines it.

    Options:
        delta: The difference at which one becomes the other.
    """

    delta: Annotated[float, "x > 0"] = 1.0

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        outputs, targets = torch.broadcast_tensors(outputs, targets)
        return functional.huber_loss(outputs, targets, reduction="none", delta=self.delta).mean(-1)

    def slope(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).clamp(-self.delta, self.delta) / outputs.shape[-1]

    def bend(self, outputs: Tensor, tangent: Tensor, targets: Tensor) -> Tensor:
        inside = (outputs - targets).abs() < self.delta
        return tangent * inside / outputs.shape[-1]

    def direction(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return over_largest(self.slope(outputs.double(), targets))
