"""Learning-rate schedules: a rate per epoch or per step with PyTorch's exact values, and a linear warm-up by step.

The rates of the base run are recorded per step and replayed from the record by everything else (sweeps, replay,
counterfactuals). So a plateau schedule, which reacts to the validation loss, is fixed to what the base run took.

Written out rather than taken from ``torch.optim.lr_scheduler``, which needs an optimizer object whose first
use loads PyTorch's compiler, seconds in every training job; the tests compare each rate with PyTorch's, bit
for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra_steps.errors import StudyError
from hydra_steps.registry import find, load
from hydra_steps.registry.options import check_requirements, options_of

BY_EPOCH = ("rate", "epoch", "epochs", "losses")
BY_STEP = ("rate", "step", "steps")


class Schedule:
    """Rates of a run: :meth:`rate` inside an epoch, :meth:`end_epoch` between epochs (in that order).

    ``name`` is that of a declared function of some of ``BY_EPOCH``, or of ``BY_STEP``, which it takes by name, and of
    ``options``. A function of the step is given the study's rate, one of the epoch the rate before.
    During the first ``warmup_epochs`` the rate rises linearly, step by step, from rate/steps to the schedule's rate,
    which itself goes on counting epochs. Raises :class:`StudyError` for an unknown name or option, and for options
    that do not go together.
    """

    def __init__(
        self,
        name: str,
        options: Mapping[str, Any],
        learning_rate: float,
        epochs: int,
        steps_per_epoch: int,
        warmup_epochs: int = 0,
    ) -> None:
        entry = find("schedule", name, "training.schedule.name")
        if not any(set(entry.given) <= set(known) for known in (BY_EPOCH, BY_STEP)):
            raise StudyError(
                f"{entry.where}: the schedule {name} takes {', '.join(entry.given)}",
                f"of {', '.join(BY_EPOCH)}, or of {', '.join(BY_STEP)} those that it needs, and options with a default",
                "give each option a default",
            )
        self._options = options_of(entry, options, "training.schedule")
        check_requirements(entry, self._options, "training.schedule")
        self._next, self._takes = load("schedule", name), entry.given
        self._rate, self._epochs = learning_rate, epochs
        self._losses: list[float] = []
        self._warmup_steps, self._steps = warmup_epochs * steps_per_epoch, epochs * steps_per_epoch
        self._by_step = "step" in entry.given

    @property
    def reacts(self) -> bool:
        """Whether the rates depend on the validation loss."""
        return "losses" in self._takes

    def rate(self, step: int) -> float:
        """The rate of step ``step`` (counted from 0 over the whole run)."""
        rate = self._rate
        if self._by_step:
            known = {"rate": rate, "step": step, "steps": self._steps}
            rate = float(self._next(**{name: known[name] for name in self._takes}, **self._options))
        return rate * (step + 1) / self._warmup_steps if step < self._warmup_steps else rate

    def end_epoch(self, validation_loss: float) -> None:
        """Advance by one epoch, after which the validation loss is this."""
        self._losses.append(validation_loss)
        if self._by_step:
            return
        known = {
            "rate": self._rate,
            "epoch": len(self._losses),
            "epochs": self._epochs,
            "losses": tuple(self._losses),
        }
        self._rate = float(self._next(**{name: known[name] for name in self._takes}, **self._options))
