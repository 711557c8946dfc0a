"""Gradients clipped before any optimizer's step, by their norm or entry by entry.

    norm c     g ↦ g · min(1, c / (‖g‖ + 1e-6)), the norm over all parameters        torch.nn.utils.clip_grad_norm_
    value c    g ↦ min(max(g, −c), c), each entry                                    torch.nn.utils.clip_grad_value_

The clipped gradient is the objective's, weighted by the data weights, so that a removed sample also changes how much of
the others' gradient is kept; derivatives go through the clipping. The norm is the one thing in a step that is not
elementwise. Where the gradient is exactly at the limit the derivative is that of the side without clipping.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hydra_steps.process.optimizers.protocol import Optimizer, Scalar

ROUND = 1e-6  # clip_grad_norm_ adds it to the norm


@dataclass(frozen=True)
class Clipped:
    """``inner`` with clipped gradients; ``norm`` or ``value`` is the limit, the other None."""

    inner: Optimizer
    norm: float | None = None
    value: float | None = None

    @property
    def slots(self) -> int:
        return self.inner.slots

    @property
    def linear(self) -> bool:
        return False

    def hyperparameters(self) -> dict[str, float]:
        return kept_hyperparameters(self.inner)

    def not_differentiable(self) -> dict[str, str]:
        return without_momentum(self.inner)

    def clip(self, gradient: Tensor) -> Tensor:
        """The gradient [..., p] that the optimizer is given."""
        if self.value is not None:
            return gradient.clamp(-self.value, self.value)
        assert self.norm is not None
        norm = self._norm(gradient)
        return gradient * torch.where(norm + ROUND > self.norm, self.norm / (norm + ROUND), 1)

    def update(
        self, parameters: Tensor, slots: Tensor, gradient: Tensor, rate: Scalar, step: int, **hyper: Scalar
    ) -> tuple[Tensor, Tensor]:
        return self.inner.update(parameters, slots, self.clip(gradient), rate, step, **hyper)

    def pullback(
        self,
        before: tuple[Tensor, Tensor, Tensor | None],
        rate: float,
        step: int,
        parameters_bar: Tensor,
        slots_bar: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        parameters, slots, gradient = before
        assert gradient is not None  # the sweep passes it to every optimizer that is not linear
        given = (parameters, slots, self.clip(gradient))
        parameters_bar, slots_bar, bar = self.inner.pullback(given, rate, step, parameters_bar, slots_bar)
        if self.value is not None:
            return parameters_bar, slots_bar, bar * (gradient.abs() <= self.value)
        assert self.norm is not None
        norm = self._norm(gradient)
        if not norm + ROUND > self.norm:
            return parameters_bar, slots_bar, bar
        along = (bar @ gradient)[:, None] / (norm * (norm + ROUND))  # [q, 1]
        return parameters_bar, slots_bar, (bar - along * gradient) * (self.norm / (norm + ROUND))

    def stationary_decay(self, slots: Tensor, steps: int) -> Scalar:
        """As without clipping: where a training comes to rest its gradients are small."""
        return self.inner.stationary_decay(slots, steps)

    def _norm(self, gradient: Tensor) -> Tensor:
        """‖g‖ [..., 1], with the slope 0 at 0."""
        squares = gradient.square().sum(-1, keepdim=True)
        return torch.where(squares > 0, torch.where(squares > 0, squares, 1).sqrt(), 0)


def kept_hyperparameters(inner: Optimizer) -> dict[str, float]:
    """The differentiable constants of an optimizer inside another."""
    return {name: x for name, x in inner.hyperparameters().items() if name not in without_momentum(inner)}


def without_momentum(inner: Optimizer) -> dict[str, str]:
    """What has no derivative there: momentum 0 keeps no velocity, whose derivative another step would need."""
    known = inner.not_differentiable()
    if "momentum" in inner.hyperparameters() and inner.hyperparameters()["momentum"] == 0:
        known = known | {
            "momentum": "at momentum 0 no velocity is kept, and the gradient is changed before the step"
        }
    return known
