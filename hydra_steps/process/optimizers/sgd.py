"""Stochastic gradient descent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from hydra_steps.errors import StudyError
from hydra_steps.process.optimizers.protocol import Scalar, add_scaled
from hydra_steps.registry.decorators import optimizer


@dataclass(frozen=True)
class SGD:
    """SGD with momentum, dampening, Nesterov, and coupled (PyTorch's) or decoupled weight decay."""

    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    decoupled: bool = False

    @property
    def slots(self) -> int:
        return 1 if self.momentum else 0

    @property
    def linear(self) -> bool:
        return True

    def hyperparameters(self) -> dict[str, float]:
        constants = {"weight_decay": self.weight_decay, "momentum": self.momentum}
        return {name: value for name, value in constants.items() if name not in self.not_differentiable()}

    def not_differentiable(self) -> dict[str, str]:
        if self.momentum or not self.dampening:
            return {}
        return {
            "momentum": "with dampening the training jumps at momentum 0, where the dampening no longer counts: it has "
            "no derivative there"
        }

    def direction(self, parameters: Tensor, gradient: Tensor) -> Tensor:
        """What a step follows, and the velocity after it where the momentum is 0: g + λ θ, or g if λ is decoupled."""
        if self.decoupled or not self.weight_decay:
            return gradient
        return add_scaled(gradient, self.weight_decay, parameters)

    def update(
        self, parameters: Tensor, slots: Tensor, gradient: Tensor, rate: Scalar, step: int, **hyper: Scalar
    ) -> tuple[Tensor, Tensor]:
        decay = hyper.get("weight_decay", self.weight_decay)
        momentum = hyper.get("momentum", self.momentum)
        direction = gradient
        if not self.decoupled and not (isinstance(decay, float) and decay == 0):
            direction = add_scaled(direction, decay, parameters)
        if self.slots:
            # PyTorch fills the buffer with the first gradient, undamped.
            velocity = (
                direction if step == 0 else add_scaled(slots[0] * momentum, 1 - self.dampening, direction)
            )
            slots = velocity[None]
            direction = add_scaled(direction, momentum, velocity) if self.nesterov else velocity
        if self.decoupled:
            parameters = parameters * (1 - rate * decay)
        return add_scaled(parameters, -rate, direction), slots

    def pullback(
        self,
        before: tuple[Tensor, Tensor, Tensor | None],
        rate: float,
        step: int,
        parameters_bar: Tensor,
        slots_bar: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        undamped = 1.0 if step == 0 else 1 - self.dampening
        if not self.slots:
            gradient_bar = parameters_bar * -rate
        elif self.nesterov:
            velocity_bar = torch.add(slots_bar[:, 0], parameters_bar, alpha=-rate * self.momentum)
            gradient_bar = torch.add(velocity_bar * undamped, parameters_bar, alpha=-rate)
        else:
            velocity_bar = torch.add(slots_bar[:, 0], parameters_bar, alpha=-rate)
            gradient_bar = velocity_bar if undamped == 1 else velocity_bar * undamped
        if self.slots:
            slots_bar = (velocity_bar * (0.0 if step == 0 else self.momentum))[:, None]
        if self.decoupled:
            return parameters_bar * (1 - rate * self.weight_decay), slots_bar, gradient_bar
        if self.weight_decay:
            parameters_bar = torch.add(parameters_bar, gradient_bar, alpha=self.weight_decay)
        return parameters_bar, slots_bar, gradient_bar

    def stationary_decay(self, slots: Tensor, steps: int) -> Scalar:
        """λ, and decoupled λ (1 − μ) / (1 − d): at rest v = (1 − d)/(1 − μ) g, and a step takes λ θ + v, not λ θ + g.

        Nesterov's direction g + μ v is g / (1 − μ) too. Raises :class:`StudyError` for a dampening of 1, at which
        every state comes to rest.
        """
        if self.momentum and self.dampening == 1:
            raise StudyError(
                "influence functions were asked of a training with training.optimizer.dampening 1, whose steps do not "
                "follow the gradient",
                "a training that comes to rest where its objective is smallest",
                "lower the dampening, or remove the method from this study",
            )
        if not (self.decoupled and self.momentum):
            return self.weight_decay
        return self.weight_decay * (1 - self.momentum) / (1 - self.dampening)


@optimizer(
    "sgd",
    title="SGD",
    slots="1 if momentum else 0",
    require={
        "not nesterov or (momentum > 0 and dampening == 0)": "a momentum above 0 and dampening 0 with nesterov"
    },
)
def sgd(
    momentum: Annotated[float, "0 <= x < 1"] = 0.9,
    dampening: Annotated[float, "0 <= x <= 1"] = 0.0,
    nesterov: bool = False,
    weight_decay: Annotated[float, "0 <= x <= 10"] = 5e-4,
    decoupled: bool = False,
) -> SGD:
    """Stochastic gradient descent, with momentum.

    Options:
        momentum: Momentum.
        dampening: Dampening of the momentum.
        nesterov: Nesterov momentum; needs a momentum and no dampening.
        weight_decay: Weight decay, added to the gradient.
        decoupled: Decoupled weight decay.
    """
    return SGD(momentum, dampening, nesterov, weight_decay, decoupled)
