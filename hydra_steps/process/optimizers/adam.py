"""Adam and AdamW."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from hydra_steps.process.optimizers.protocol import Scalar, add_quotient, add_scaled
from hydra_steps.registry.decorators import optimizer

Beta = Annotated[float, "0 <= x < 1"]


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
        parameters = add_quotient(parameters, -(rate / correction_1), first, denominator)
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


@optimizer("adam", title="Adam", slots="2")
def adam(
    betas: tuple[Beta, Beta] = (0.9, 0.999),
    epsilon: Annotated[float, "0 < x <= 1"] = 1e-8,
    weight_decay: Annotated[float, "0 <= x <= 10"] = 5e-4,
) -> Adam:
    """Adam, as `torch.optim` has it without amsgrad.

    Options:
        betas: Decay of the two running means.
        epsilon: Added to the denominator.
        weight_decay: Weight decay, added to the gradient.
    """
    return Adam((betas[0], betas[1]), epsilon, weight_decay, decoupled=False)


@optimizer("adamw", title="AdamW", slots="2")
def adamw(
    betas: tuple[Beta, Beta] = (0.9, 0.999),
    epsilon: Annotated[float, "0 < x <= 1"] = 1e-8,
    weight_decay: Annotated[float, "0 <= x <= 10"] = 5e-4,
) -> Adam:
    """Adam with decoupled weight decay.

    Options:
        betas: Decay of the two running means.
        epsilon: Added to the denominator.
        weight_decay: Weight decay, decoupled.
    """
    return Adam((betas[0], betas[1]), epsilon, weight_decay, decoupled=True)
