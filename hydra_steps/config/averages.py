"""Methods that cannot score the moving average of a training's parameters are refused by name."""

from __future__ import annotations

from hydra_steps.errors import StudyError
from hydra_steps.registry.entry import Entry


def check_average(method: Entry, average: float | None, key: str) -> None:
    """Raise :class:`StudyError` for a method, the study's ``key``, that follows the parameters from step to step, where
    the model is their ``average`` of this decay."""
    if average is not None and not method.traits["average"]:
        raise StudyError(
            f"{key}: {method.name} follows the parameters from step to step, and the model is their moving average "
            "(training.average)",
            "a method that knows the average, such as hydra_exact",
            f"remove {key}, or training.average",
        )
