"""From a label of a study to the method that it names, with the study's options."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hydra_steps.config.study import Method
from hydra_steps.registry import Entry, find, load
from hydra_steps.scoring.contribution import Contribution


def method_of(label: str, method: Method) -> tuple[Entry, Callable[..., Contribution]]:
    """Return the entry of the method and its function, which is still to be given a trajectory and queries.

    :class:`StudyError` with the nearest name for an unknown one.
    """
    entry = find("method", method.method or label, f"methods.{label}")
    return entry, partial(load("method", entry.name), **method.options)
