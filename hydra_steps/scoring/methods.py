"""From a label of a study to the method that it names, with the study's options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from hydra_steps.registry import Entry, find, load
from hydra_steps.scoring.contribution import Contribution


def method_of(label: str, options: Mapping[str, Any]) -> tuple[Entry, Callable[..., Contribution]]:
    """Return the entry of the method and its function, which is still to be given a trajectory and queries.

    ``options`` are those of the label in the study; ``method`` among them names the method where the label is another.
    :class:`StudyError` with the nearest name for an unknown one.
    """
    chosen = {key: value for key, value in options.items() if key != "method"}
    entry = find("method", options.get("method") or label, f"methods.{label}")
    return entry, partial(load("method", entry.name), **chosen)
