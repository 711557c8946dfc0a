"""An exponential moving average of the parameters beside any optimizer, kept as one slot more, the last.

    a_1 = θ_1,    a_t = d a_{t−1} + (1 − d) θ_t          torch.optim.swa_utils.AveragedModel, get_ema_multi_avg_fn(d)

What a training does is not changed by it; queries, metrics and the finished model have a_T for their parameters
(:mod:`hydra_steps.process.seen`), so that a sweep begins at the average's cotangent, and every step's pull-back hands a
part of it to the parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hydra_steps.process.optimizers.clipped import kept_hyperparameters, without_momentum
from hydra_steps.process.optimizers.protocol import Optimizer, Scalar


@dataclass(frozen=True)
class Averaged:
    """``inner``, and the average with decay ``decay`` of the parameters after its steps."""

    inner: Optimizer
    decay: float

    @property
    def slots(self) -> int:
        return self.inner.slots + 1

    @property
    def linear(self) -> bool:
        return self.inner.linear

    def hyperparameters(self) -> dict[str, float]:
        return kept_hyperparameters(self.inner)

    def not_differentiable(self) -> dict[str, str]:
        return without_momentum(self.inner)

    def update(
        self, parameters: Tensor, slots: Tensor, gradient: Tensor, rate: Scalar, step: int, **hyper: Scalar
    ) -> tuple[Tensor, Tensor]:
        after, own = self.inner.update(parameters, slots[:-1], gradient, rate, step, **hyper)
        kept = self._kept(step)
        return after, torch.cat([own, (slots[-1] * kept + after * (1 - kept))[None]])

    def pullback(
        self,
        before: tuple[Tensor, Tensor, Tensor | None],
        rate: float,
        step: int,
        parameters_bar: Tensor,
        slots_bar: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        parameters, slots, gradient = before
        average_bar, kept = slots_bar[:, -1], self._kept(step)
        parameters_bar = torch.add(parameters_bar, average_bar, alpha=1 - kept)
        given = (parameters, slots[:-1], gradient)
        parameters_bar, own_bar, bar = self.inner.pullback(
            given, rate, step, parameters_bar, slots_bar[:, :-1]
        )
        return parameters_bar, torch.cat([own_bar, (average_bar * kept)[:, None]], 1), bar

    def stationary_decay(self, slots: Tensor, steps: int) -> Scalar:
        """As without an average, which comes to rest where the parameters do."""
        return self.inner.stationary_decay(slots[:-1], steps)

    def _kept(self, step: int) -> float:
        """How much of the average stays; nothing in the first step, before which there is none."""
        return self.decay if step else 0.0
