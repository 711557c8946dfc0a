"""Does a layer compute in single precision what it is given in double? Then nothing can be compared to many digits."""

from __future__ import annotations

import contextlib
from typing import Any

import torch

from hydra_steps.errors import StudyError
from hydra_steps.process.operations import Watch
from hydra_steps.process.trial.case import Case
from hydra_steps.process.trial.culprit import Watched, described, watched


def lower_precision(case: Case) -> StudyError | None:
    """What to say of the first layer that rounds float64 to fewer digits in a training step; None where none does."""
    model, state, batch = case.process.model, case.state, case.whole
    with watched(model.module) as layers, _Casts(layers) as casts, contextlib.suppress(Exception):
        model.train_logits(state.parameters, state.buffers, batch.inputs, batch.keys)
    if not casts.found:
        return None
    where, kind = casts.found[0]
    return StudyError(
        f"{where} computes in {kind} where it is given torch.float64, so that its derivatives cannot be verified",
        "the precision of its input",
        "leave float(), half() and autocast out of its forward, or convert to the type of its weights",
    )


class _Casts(Watch):
    """Notes where floating-point numbers are rounded to fewer digits, and to which type."""

    def __init__(self, layers: Watched) -> None:
        super().__init__()
        self.layers = layers
        self.found: list[tuple[str, torch.dtype]] = []

    def seen(self, operation: Any, args: tuple[Any, ...], options: dict[str, Any], made: Any) -> None:
        """Note this operation, where it rounds."""
        rounds = operation is torch.ops.aten._to_copy.default and args[0].dtype == torch.float64
        if rounds and made.is_floating_point() and made.dtype != torch.float64 and self.layers.open:
            self.found.append((described(*self.layers.open[-1]), made.dtype))
