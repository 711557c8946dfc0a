"""Optimizers with PyTorch's exact semantics, as pure elementwise maps of flat vectors.

``update`` is the map (θ, slots, g, rate) → (θ', slots'). ``pullback`` is its transpose: cotangents of (θ',
slots') → cotangents of (θ, slots, g). Both maps are elementwise, so the Jacobian is diagonal and any number of
queries [q] shares its coefficients. ``update`` keeps torch.optim's order of operations; where a hyperparameter
is a tensor (to be differentiated itself) the same expression is evaluated with tensor arithmetic.
Sources: the documentation of ``torch.optim`` 2.13; the tests compare with it bit by bit, and ``pullback`` with
autograd.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from hydra_steps.errors import StudyError, nearest

Scalar = float | Tensor


def add_scaled(x: Tensor, scale: Scalar, y: Tensor) -> Tensor:
    """x + scale·y, fused like torch.optim's ``add(alpha=)`` where the scale is a number."""
    return torch.add(x, y, alpha=scale) if isinstance(scale, float | int) else x + scale * y


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


@dataclass(frozen=True)
class Adam:
    """Adam, or AdamW with ``decoupled`` weight decay; slots are (first, second moment). amsgrad is not supported."""

    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    decoupled: bool = False

    @property
    def slots(self) -> int:
        return 2

    @property
    def linear(self) -> bool:
        return False

    def hyperparameters(self) -> dict[str, float]:
        return {"weight_decay": self.weight_decay}

    def not_differentiable(self) -> dict[str, str]:
        return {}

    def _root(self, second: Tensor) -> Tensor:
        # √v is not differentiable at 0, where the first moment is 0 as well and the update constant: slope 0 there.
        return torch.where(second > 0, second, torch.ones_like(second)).sqrt() * (second > 0)

    def update(
        self, parameters: Tensor, slots: Tensor, gradient: Tensor, rate: Scalar, step: int, **hyper: Scalar
    ) -> tuple[Tensor, Tensor]:
        decay = hyper.get("weight_decay", self.weight_decay)
        beta_1, beta_2 = self.betas
        has_decay = not (isinstance(decay, float) and decay == 0)
        if has_decay and self.decoupled:
            parameters = parameters * (1 - rate * decay)
        elif has_decay:
            gradient = add_scaled(gradient, decay, parameters)
        first = slots[0].lerp(gradient, 1 - beta_1)
        second = torch.addcmul(slots[1] * beta_2, gradient, gradient, value=1 - beta_2)
        correction_1, correction_2 = 1 - beta_1 ** (step + 1), 1 - beta_2 ** (step + 1)
        denominator = self._root(second) / correction_2**0.5 + self.epsilon
        if isinstance(rate, float | int):
            parameters = torch.addcdiv(parameters, first, denominator, value=-(rate / correction_1))
        else:
            parameters = parameters - (rate / correction_1) * (first / denominator)
        return parameters, torch.stack([first, second])

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
        beta_1, beta_2 = self.betas
        if self.weight_decay and not self.decoupled:
            gradient = gradient.add(parameters, alpha=self.weight_decay)
        first = slots[0].lerp(gradient, 1 - beta_1)
        second = torch.addcmul(slots[1] * beta_2, gradient, gradient, value=1 - beta_2)
        correction_1, correction_2 = 1 - beta_1 ** (step + 1), 1 - beta_2 ** (step + 1)
        root = second.sqrt()
        denominator = root / correction_2**0.5 + self.epsilon
        by_first = -(rate / correction_1) / denominator  # ∂θ'/∂m'
        slope = torch.where(second > 0, 0.5 / (root * correction_2**0.5), torch.zeros_like(root))
        by_second = (rate / correction_1) * first / denominator.square() * slope  # ∂θ'/∂v'
        first_bar = slots_bar[:, 0] + parameters_bar * by_first
        second_bar = slots_bar[:, 1] + parameters_bar * by_second
        gradient_bar = first_bar * (1 - beta_1) + second_bar * (2 * (1 - beta_2) * gradient)
        slots_bar = torch.stack([first_bar * beta_1, second_bar * beta_2], 1)
        if self.weight_decay and self.decoupled:
            parameters_bar = parameters_bar * (1 - rate * self.weight_decay)
        elif self.weight_decay:
            parameters_bar = parameters_bar.add(gradient_bar, alpha=self.weight_decay)
        return parameters_bar, slots_bar, gradient_bar

    def stationary_decay(self, slots: Tensor, steps: int) -> Scalar:
        """λ, and decoupled λ (√v̂ + ε) [p]: at rest a step takes λ θ + g / (√v̂ + ε), with v̂ held as it is.

        Where no noise is left v̂ = g², and this is ε λ to first order in λ θ: Adam's steps follow g's sign, and the
        decay that is decoupled from them hardly moves where they end.
        """
        if not (self.decoupled and self.weight_decay):
            return self.weight_decay
        if not steps:
            return self.weight_decay * self.epsilon
        root = (slots[1] / (1 - self.betas[1] ** steps)).sqrt()
        return self.weight_decay * (root + self.epsilon)


def build_optimizer(settings: Mapping[str, Any]) -> Optimizer:
    """The optimizer of ``training.optimizer``; raises :class:`StudyError` for one that is not supported."""
    name = settings["name"]
    if settings.get("amsgrad"):
        raise StudyError("training.optimizer.amsgrad is true", "false", "use adam or adamw without amsgrad")
    decay = float(settings.get("weight_decay", 0.0))
    if name == "sgd":
        sgd = SGD(
            momentum=float(settings.get("momentum", 0.0)),
            dampening=float(settings.get("dampening", 0.0)),
            nesterov=bool(settings.get("nesterov", False)),
            weight_decay=decay,
            decoupled=bool(settings.get("decoupled", False)),
        )
        if sgd.nesterov and (not sgd.momentum or sgd.dampening):
            raise StudyError("training.optimizer.nesterov is true", "momentum > 0 and dampening 0 with it")
        return sgd
    if name in ("adam", "adamw"):
        beta_1, beta_2 = (float(b) for b in settings.get("betas", (0.9, 0.999)))
        decoupled = name == "adamw" or bool(settings.get("decoupled", False))
        return Adam((beta_1, beta_2), float(settings.get("epsilon", 1e-8)), decay, decoupled)
    raise StudyError(
        f"training.optimizer.name {name!r} is unknown", fix=nearest(str(name), ["sgd", "adam", "adamw"])
    )
