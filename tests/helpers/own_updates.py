"""Optimizers of a study's own, each given as its update alone; a plug-in of the tests."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from hydra_steps.plugins import add_product, add_quotient, add_scaled, optimizer

Beta = Annotated[float, "0 <= x < 1"]


@optimizer("own_sgd", slots="1")
def own_sgd(
    parameters: Tensor,
    slots: Tensor,
    gradient: Tensor,
    rate: float,
    step: int,
    momentum: Beta = 0.9,
    weight_decay: float = 0.01,
) -> tuple[Tensor, Tensor]:
    """SGD with momentum.

    Options:
        momentum: Momentum.
        weight_decay: Weight decay, added to the gradient.
    """
    gradient = add_scaled(gradient, weight_decay, parameters)
    velocity = gradient if step == 0 else slots[0] * momentum + gradient
    return add_scaled(parameters, -rate, velocity), velocity[None]


@optimizer("own_adam", slots="2")
def own_adam(
    parameters: Tensor,
    slots: Tensor,
    gradient: Tensor,
    rate: float,
    step: int,
    betas: tuple[Beta, Beta] = (0.9, 0.999),
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
) -> tuple[Tensor, Tensor]:
    """Adam, weight decay added to the gradient."""
    gradient = add_scaled(gradient, weight_decay, parameters)
    first = slots[0].lerp(gradient, 1 - betas[0])
    second = torch.addcmul(slots[1] * betas[1], gradient, gradient, value=1 - betas[1])
    corrections = [1 - beta ** (step + 1) for beta in betas]
    denominator = second.sqrt() / corrections[1] ** 0.5 + epsilon
    return add_quotient(parameters, -(rate / corrections[0]), first, denominator), torch.stack(
        [first, second]
    )


@optimizer("own_rmsprop", slots="1")
def own_rmsprop(
    parameters: Tensor,
    slots: Tensor,
    gradient: Tensor,
    rate: float,
    step: int,
    alpha: Beta = 0.99,
    epsilon: float = 1e-8,
) -> tuple[Tensor, Tensor]:
    """RMSprop: the gradient over the root of its mean square."""
    mean_square = add_product(slots[0] * alpha, 1 - alpha, gradient, gradient)
    return add_quotient(parameters, -rate, gradient, mean_square.sqrt() + epsilon), mean_square[None]


@optimizer("own_signs", slots="1 if momentum else 0")
def own_signs(
    parameters: Tensor, slots: Tensor, gradient: Tensor, rate: float, step: int, momentum: Beta = 0.0
) -> tuple[Tensor, Tensor]:
    """A rate over the root of the gradient's size, written with numbers where tensors may come."""
    if momentum:
        slots = torch.add(gradient[None], slots, alpha=momentum)
        gradient = slots[0]
    return torch.add(parameters, gradient / (gradient.abs() + 1) ** 0.5, alpha=-rate), slots


@optimizer("own_decoupled")
def own_decoupled(
    parameters: Tensor, slots: Tensor, gradient: Tensor, rate: float, step: int, weight_decay: float = 0.01
) -> tuple[Tensor, Tensor]:
    """The sign of the gradient, and a decay that is not added to it."""
    return parameters * (1 - rate * weight_decay) - rate * gradient.sign(), slots


@optimizer("own_clipped")
def own_clipped(
    parameters: Tensor, slots: Tensor, gradient: Tensor, rate: float, step: int
) -> tuple[Tensor, Tensor]:
    """Not elementwise."""
    return parameters - rate * gradient / gradient.norm(), slots


@optimizer("own_in_place")
def own_in_place(
    parameters: Tensor, slots: Tensor, gradient: Tensor, rate: float, step: int
) -> tuple[Tensor, Tensor]:
    """Not pure."""
    return parameters.sub_(rate * gradient), slots


@optimizer("own_forgetful", slots="1")
def own_forgetful(
    parameters: Tensor, slots: Tensor, gradient: Tensor, rate: float, step: int
) -> tuple[Tensor, Tensor]:
    """Leaves its slot out."""
    return parameters - rate * gradient, slots[:0]


@optimizer("own_failing")
def own_failing(
    parameters: Tensor, slots: Tensor, gradient: Tensor, rate: float, step: int
) -> tuple[Tensor, Tensor]:
    """Asks for a slot that it has not declared."""
    return parameters - rate * slots[0], slots


@optimizer("own_incomplete")
def own_incomplete(parameters: Tensor, gradient: Tensor, rate: float = 0.1) -> Tensor:
    """Neither an update nor a function of its options."""
    return parameters - rate * gradient
