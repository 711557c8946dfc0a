"""RMSprop, as its update alone."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from hydra_steps.process.optimizers.protocol import Scalar, add_quotient, add_scaled
from hydra_steps.registry.decorators import optimizer


@optimizer("rmsprop", title="RMSprop", slots="2 if momentum else 1")
def rmsprop(
    parameters: Tensor,
    slots: Tensor,
    gradient: Tensor,
    rate: Scalar,
    step: int,
    *,
    smoothing: Annotated[float, "0 <= x < 1"] = 0.99,
    epsilon: Annotated[float, "0 < x <= 1"] = 1e-8,
    momentum: Annotated[float, "0 <= x < 1"] = 0.0,
    weight_decay: Annotated[float, "0 <= x <= 10"] = 5e-4,
) -> tuple[Tensor, Tensor]:
    """RMSprop, as `torch.optim` has it without centring.

    Options:
        smoothing: Decay of the running mean of the squared gradient (`alpha` of `torch.optim`).
        epsilon: Added to the denominator.
        momentum: Momentum.
        weight_decay: Weight decay, added to the gradient.
    """
    if isinstance(weight_decay, Tensor) or weight_decay:
        gradient = add_scaled(gradient, weight_decay, parameters)
    square = torch.addcmul(slots[0] * smoothing, gradient, (1 - smoothing) * gradient)
    denominator = square.sqrt() + epsilon
    if len(slots) == 1:
        return add_quotient(parameters, -rate, gradient, denominator), square[None]
    velocity = slots[1] * momentum + gradient / denominator
    return add_scaled(parameters, -rate, velocity), torch.stack([square, velocity])
