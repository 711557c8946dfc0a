"""Learning-rate schedules: one rate per epoch with PyTorch's exact values, and a linear warm-up by step.

The rates of the base run are recorded per step and replayed from the record by everything else (sweeps, replay,
counterfactuals). So a plateau schedule, which reacts to the validation loss, is fixed to what the base run took.

Written out rather than taken from ``torch.optim.lr_scheduler``, which needs an optimizer object whose first
use loads PyTorch's compiler, seconds in every training job; the tests compare each rate with PyTorch's, bit
for bit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hydra_steps.errors import StudyError, nearest

NAMES = ["constant", "multistep", "cosine", "plateau"]
PLATEAU_THRESHOLD = (
    1e-4  # ReduceLROnPlateau's default: a relative improvement smaller than this does not count
)
PLATEAU_EPSILON = 1e-8  # nor is a smaller change of the rate made


class Schedule:
    """Rates of a run: :meth:`rate` inside an epoch, :meth:`end_epoch` between epochs (in that order).

    ``settings`` is ``training.schedule``. During the first ``warmup_epochs`` the rate rises linearly, step by step,
    from rate/steps to the schedule's rate, which itself goes on counting epochs.
    """

    def __init__(
        self, settings: Mapping[str, Any], learning_rate: float, epochs: int, steps_per_epoch: int
    ) -> None:
        self._name = settings.get("name", "constant")
        if self._name not in NAMES:
            raise StudyError(
                f"training.schedule.name {self._name!r} is unknown", fix=nearest(str(self._name), NAMES)
            )
        self._rate, self._epochs, self._epoch = learning_rate, epochs, 0
        self._factor = float(settings.get("factor", 0.1))
        self._milestones = list(settings.get("milestones", []))
        self._patience = int(settings.get("patience", 2))
        self._best, self._bad_epochs = math.inf, 0
        self._warmup_steps = int(settings.get("warmup_epochs", 0)) * steps_per_epoch

    def rate(self, step: int) -> float:
        """The rate of step ``step`` (counted from 0 over the whole run)."""
        return self._rate * (step + 1) / self._warmup_steps if step < self._warmup_steps else self._rate

    def end_epoch(self, validation_loss: float) -> None:
        """Advance by one epoch; only ``plateau`` looks at the loss."""
        self._epoch += 1
        if self._name == "multistep":
            self._rate *= self._factor ** self._milestones.count(self._epoch)
        elif self._name == "cosine":
            self._rate = self._next_cosine()
        elif self._name == "plateau":
            self._watch(validation_loss)

    def _next_cosine(self) -> float:
        """CosineAnnealingLR's recursion down to 0 at the last epoch."""
        ended, before = (
            1 + math.cos(math.pi * epoch / self._epochs) for epoch in (self._epoch, self._epoch - 1)
        )
        return ended / before * self._rate

    def _watch(self, loss: float) -> None:
        """ReduceLROnPlateau on the validation loss, in its mode ``min``."""
        if loss < self._best * (1 - PLATEAU_THRESHOLD):
            self._best, self._bad_epochs = loss, 0
        else:
            self._bad_epochs += 1
        if self._bad_epochs > self._patience:
            smaller = self._rate * self._factor
            if self._rate - smaller > PLATEAU_EPSILON:
                self._rate = smaller
            self._bad_epochs = 0
