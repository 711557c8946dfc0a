"""Windows of a training: from which step on the data weights count, as methods and designs may ask.

    {last_epochs: k}    from the start of the k-th epoch from the end on
    {from_step: t}      from step t on, counted from 0

Before that step the training is the run's own, with every sample: what is asked is what the samples did since then.
"""

from __future__ import annotations

from collections.abc import Mapping

from hydra_steps.config.traces import trace_labels
from hydra_steps.config.typed import Plain
from hydra_steps.errors import StudyError
from hydra_steps.registry import find


def window_start(window: Mapping[str, int] | None, epochs: int, steps: int, where: str = "window") -> int:
    """The first step of a window in a training of so many epochs and steps; :class:`StudyError` for one outside it.

    >>> window_start({"last_epochs": 2}, epochs=5, steps=50)
    30
    """
    if window is None:
        return 0
    if "last_epochs" in window:
        last = int(window["last_epochs"])
        if not 1 <= last <= epochs:
            raise StudyError(
                f"{where}.last_epochs: {last} of a training of {epochs} epochs",
                f"1 to {epochs}",
                f"lower {where}.last_epochs",
            )
        return (epochs - last) * (steps // epochs)
    start = int(window["from_step"])
    if not 0 <= start < steps:
        raise StudyError(
            f"{where}.from_step: {start} of a training of {steps} steps",
            f"0 to {steps - 1}",
            f"lower {where}.from_step",
        )
    return start


def check_windows(study: Plain, samples: int) -> None:
    """Raise :class:`StudyError` for a window that lies outside the training, or that a method cannot have."""
    training = study["training"]
    epochs = training["epochs"]
    steps = epochs * -(-samples // training["batch_size"])
    for label, options in study["methods"].items():
        if options.get("window") is not None:
            window_start(options["window"], epochs, steps, f"methods.{label}.window")
            if label in trace_labels(study):
                raise StudyError(
                    f"methods.{label}.window: the trace looks at trainings that end earlier, and the window would move",
                    "methods without a window",
                    f"name the others in trace.methods, or remove methods.{label}.window",
                )
    for name, design in study["counterfactual"]["designs"].items():
        window_start(design.get("window"), epochs, steps, f"counterfactual.designs.{name}.window")


def refuse_window(label: str, method: str, options: Plain) -> None:
    """Raise :class:`StudyError` for a window asked of a method that has none."""
    if "window" in options and "window" not in find("method", method).options:
        raise StudyError(
            f"methods.{label}.window: {method} looks at the whole training",
            "a method that adds up over the steps, such as hydra_exact",
            f"remove methods.{label}.window",
        )
