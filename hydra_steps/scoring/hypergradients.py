"""∂f_q/∂(learning rate at each step, weight decay, momentum), from the cotangents of a reverse sweep.

The optimizer's update is elementwise in its scalars too, so one forward tangent per scalar gives its Jacobian column.
Momentum 0 is the exception: SGD then keeps no velocity, and momentum would take a step along the direction of the
step before,

    ∂θ_{t+1}/∂μ = −η_t (g_{t−1} + λ θ_{t−1})   at μ = 0,   0 for t = 0

whose product with the cotangent waits for the sweep to come to that step. Index letters: q queries, t steps, p
parameters.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad

from hydra_steps.process.optimizers import Optimizer
from hydra_steps.process.optimizers.sgd import SGD
from hydra_steps.process.state import State


class Hypergradients:
    """The sums over the steps, filled from the last step to the first; see the module."""

    def __init__(self, optimizer: Optimizer, like: Tensor) -> None:
        """Zeros of the shape and on the device of ``like`` [t, q]."""
        self._optimizer = optimizer
        self._names = list(optimizer.hyperparameters())
        self._rates = torch.zeros_like(like)
        self._sums = {name: like.new_zeros(like.shape[1]) for name in self._names}
        self._waiting: Tensor | None = None  # −η_t times the cotangent of θ_{t+1} [q, p]

    def add(self, state: State, gradient: Tensor, rate: float, step: int, bar: State) -> None:
        optimizer = self._optimizer
        for name in ["learning_rate", *self._names]:
            if name == "momentum" and isinstance(optimizer, SGD) and not optimizer.slots:
                total = self._starting_momentum(optimizer, state, gradient, rate, bar)
            else:
                total = self._column(name, state, gradient, rate, step, bar)
            if name == "learning_rate":
                self._rates[step] = total
            else:
                self._sums[name] += total

    def _column(
        self, name: str, state: State, gradient: Tensor, rate: float, step: int, bar: State
    ) -> Tensor:
        """⟨bar, ∂s_{t+1}/∂(the scalar ``name``)⟩ [q] float64."""
        scalars = {"learning_rate": rate, **self._optimizer.hyperparameters()}
        with torch.no_grad(), forward_ad.dual_level():
            value = gradient.new_full((), scalars[name])
            dual = forward_ad.make_dual(value, torch.ones_like(value))
            by_rate = name == "learning_rate"
            hyper = {} if by_rate else {name: dual}
            after = self._optimizer.update(
                state.parameters, state.slots, gradient, dual if by_rate else rate, step, **hyper
            )
            dots = [forward_ad.unpack_dual(part).tangent for part in after]
        total = torch.zeros_like(self._rates[step])
        for dot, part in zip(dots, (bar.parameters, bar.slots), strict=True):
            if dot is not None:
                total += (part * dot).flatten(1).sum(1).double()
        return total

    def _starting_momentum(
        self, optimizer: SGD, state: State, gradient: Tensor, rate: float, bar: State
    ) -> Tensor:
        """The part of the step after this one [q] float64; this one's own waits."""
        waiting, self._waiting = self._waiting, bar.parameters * -rate
        if waiting is None:  # the last step of the training
            return torch.zeros_like(self._rates[0])
        return (waiting * optimizer.direction(state.parameters, gradient)).sum(1).double()

    def result(self) -> dict[str, Tensor]:
        return {name: value.cpu() for name, value in {"learning_rate": self._rates, **self._sums}.items()}
