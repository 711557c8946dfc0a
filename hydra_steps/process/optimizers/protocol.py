"""Optimizers with PyTorch's exact semantics, as pure elementwise maps of flat vectors.

``update`` is the map (θ, slots, g, rate) → (θ', slots'). ``pullback`` is its transpose: cotangents of (θ',
slots') → cotangents of (θ, slots, g). Both maps are elementwise, so the Jacobian is diagonal and any number of
queries [q] shares its coefficients. ``update`` keeps torch.optim's order of operations; where a hyperparameter
is a tensor (to be differentiated itself) the same expression is evaluated with tensor arithmetic.
Sources: the documentation of ``torch.optim`` 2.13; the tests compare with it bit by bit, and ``pullback`` with
autograd.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

Scalar = float | Tensor


class Optimizer(Protocol):
    """What the process needs of an optimizer. ``step`` counts from 0. Shapes: θ, g [p]; slots [slot, p]."""

    @property
    def slots(self) -> int:
        """How many vectors of the parameters' size the optimizer keeps."""
        ...

    def hyperparameters(self) -> dict[str, float]:
        """The differentiable constants by name (the rate is separate: it changes from step to step)."""
        ...

    def not_differentiable(self) -> dict[str, str]:
        """The constants that have no derivative where they are, with the reason."""
        ...

    def update(
        self, parameters: Tensor, slots: Tensor, gradient: Tensor, rate: Scalar, step: int, **hyper: Scalar
    ) -> tuple[Tensor, Tensor]:
        """One step; ``hyper`` overrides the constants of :meth:`hyperparameters`."""
        ...

    def pullback(
        self,
        before: tuple[Tensor, Tensor, Tensor | None],
        rate: float,
        step: int,
        parameters_bar: Tensor,
        slots_bar: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Cotangents [q, p], [q, slot, p] after the step → (θ̄ [q, p], slots̄ [q, slot, p], ḡ [q, p]) before it.

        ``before`` is (θ, slots, g) [p], [slot, p], [p]; g may be None for an optimizer with ``linear`` True.
        """
        ...

    def stationary_decay(self, slots: Tensor, steps: int) -> Scalar:
        """λ' of the equation ∇L(θ) + λ' θ = 0 that a state which the update leaves as it is fulfils.

        What the weight decay adds to the curvature of the objective: a number, or one per parameter [p]. ``slots`` are
        those after ``steps`` steps.
        """
        ...

    @property
    def linear(self) -> bool:
        """Whether the update is linear in (θ, slots, g), so that its pullback needs none of them."""
        ...


def add_scaled(x: Tensor, scale: Scalar, y: Tensor) -> Tensor:
    """x + scale·y, fused like torch.optim's ``add(alpha=)`` where the scale is a number."""
    return torch.add(x, y, alpha=scale) if isinstance(scale, float | int) else x + scale * y


def add_product(x: Tensor, scale: Scalar, y: Tensor, z: Tensor) -> Tensor:
    """x + scale·y·z, fused like torch.optim's ``addcmul(value=)`` where the scale is a number."""
    return torch.addcmul(x, y, z, value=scale) if isinstance(scale, float | int) else x + scale * (y * z)


def add_quotient(x: Tensor, scale: Scalar, y: Tensor, z: Tensor) -> Tensor:
    """x + scale·y/z, fused like torch.optim's ``addcdiv(value=)`` where the scale is a number."""
    return torch.addcdiv(x, y, z, value=scale) if isinstance(scale, float | int) else x + scale * (y / z)
