"""The trial of a model before it is trained, on a few samples.

Exactness rests on three things that a module can break without a word: a step is a pure function of state, batch and
weights; all that it carries over is in the state; the derivative goes through every layer. So one small batch is put
through the module, in float64, at parameters a little off the initial ones, and it must hold that

    the same step twice gives the same bits, whatever was computed in between
    nothing changes but the floating-point buffers
    a sample's loss does not depend on the others in the batch, batch norm apart
    loss, gradient and buffers are those of the module as its author wrote it, noise switched off
    the derivative of a step, by the model's path, is a difference of steps

What fails is one :class:`StudyError` with the layer's name.
"""

from __future__ import annotations

from hydra_steps.errors import StudyError
from hydra_steps.process.process import Process
from hydra_steps.process.trial.case import Case, make_case
from hydra_steps.process.trial.derivatives import try_derivatives
from hydra_steps.process.trial.precision import lower_precision
from hydra_steps.process.trial.purity import try_passes, try_purity
from hydra_steps.process.trial.samples import try_samples
from hydra_steps.process.trial.written import try_as_written


def try_model(process: Process) -> None:
    """Raise :class:`StudyError` where scores of this process's training would not be exact.

    Cost: about fifteen training steps of four samples.
    """
    if not process.samples:
        return
    try:
        _attempt(make_case(process))
    except StudyError as error:
        name = process.settings.model.name
        raise StudyError(f"the model {name!r}: {error.found}", error.expected, error.fix) from error


def _attempt(case: Case) -> None:
    """All attempts, one after the other; what is found may have another reason than it seems."""
    try:
        for attempt in (try_passes, try_purity, try_samples, try_as_written, try_derivatives):
            attempt(case)
    except StudyError as error:
        raise (lower_precision(case) or error) from error
