"""Does a layer compute in single precision what it is given in double? Then nothing can be compared to many digits."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from hydra_steps.errors import StudyError
from hydra_steps.process.trial.case import Case
from hydra_steps.process.trial.culprit import Watched, described, watched


def lower_precision(case: Case) -> StudyError | None:
    """What to say of the first layer that rounds float64 to fewer digits in a training step; None where none does."""
    model, state, batch = case.process.model, case.state, case.whole
    with watched(model.module) as seen, _Casts(seen) as casts, contextlib.suppress(Exception):
        model.train_logits(state.parameters, state.buffers, batch.inputs, batch.keys)
    if not casts.found:
        return None
    where, kind = casts.found[0]
    return StudyError(
        f"{where} computes in {kind} where it is given torch.float64, so that its derivatives cannot be verified",
        "the precision of its input",
        "leave float(), half() and autocast out of its forward, or convert to the type of its weights",
    )


class _Casts(TorchDispatchMode):
    """Notes where floating-point numbers are rounded to fewer digits, and to which type."""

    def __init__(self, seen: Watched) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch does not annotate it
        self.seen = seen
        self.found: list[tuple[str, torch.dtype]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        rounds = func is torch.ops.aten._to_copy.default and args[0].dtype == torch.float64
        if rounds and made.is_floating_point() and made.dtype != torch.float64 and self.seen.open:
            self.found.append((described(*self.seen.open[-1]), made.dtype))
        return made
