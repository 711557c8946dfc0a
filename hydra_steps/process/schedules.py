"""Learning-rate schedules: PyTorch's own schedulers, asked for one rate per epoch, with a linear warm-up by step.

The rates of the base run are recorded per step and replayed from the record by everything else (sweeps, replay,
counterfactuals). So a plateau schedule, which reacts to the validation loss, is fixed to what the base run took.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.optim import lr_scheduler

from hydra_steps.errors import StudyError, nearest

NAMES = ["constant", "multistep", "cosine", "plateau"]


class Schedule:
    """Rates of a run: :meth:`rate` inside an epoch, :meth:`end_epoch` between epochs (in that order).

    ``settings`` is ``training.schedule``. During the first ``warmup_epochs`` the rate rises linearly, step by step,
    from rate/steps to the scheduler's rate, which itself goes on counting epochs.
    """

    def __init__(
        self, settings: Mapping[str, Any], learning_rate: float, epochs: int, steps_per_epoch: int
    ) -> None:
        # The schedulers only need an optimizer to write their rate to; it never makes a step that counts.
        self._holder = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=learning_rate)
        self._scheduler = self._build(settings, epochs)
        self._warmup_steps = int(settings.get("warmup_epochs", 0)) * steps_per_epoch
        self._holder.step()  # before any scheduler.step(), as PyTorch asks

    def _build(self, settings: Mapping[str, Any], epochs: int) -> Any:
        name = settings.get("name", "constant")
        factor = float(settings.get("factor", 0.1))
        if name == "constant":
            return None
        if name == "multistep":
            return lr_scheduler.MultiStepLR(self._holder, list(settings.get("milestones", [])), gamma=factor)
        if name == "cosine":
            return lr_scheduler.CosineAnnealingLR(self._holder, T_max=epochs)
        if name == "plateau":
            return lr_scheduler.ReduceLROnPlateau(
                self._holder, factor=factor, patience=int(settings.get("patience", 2))
            )
        raise StudyError(f"training.schedule.name {name!r} is unknown", fix=nearest(str(name), NAMES))

    def rate(self, step: int) -> float:
        """The rate of step ``step`` (counted from 0 over the whole run)."""
        rate = float(self._holder.param_groups[0]["lr"])
        return rate * (step + 1) / self._warmup_steps if step < self._warmup_steps else rate

    def end_epoch(self, validation_loss: float) -> None:
        """Advance by one epoch; only ``plateau`` looks at the loss."""
        if isinstance(self._scheduler, lr_scheduler.ReduceLROnPlateau):
            self._scheduler.step(validation_loss)
        elif self._scheduler is not None:
            self._scheduler.step()
