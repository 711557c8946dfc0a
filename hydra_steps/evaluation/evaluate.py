"""Making any table of a study, by its name: the package's own and those of plug-ins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra_steps.registry import load


def evaluate(
    table: str,
    inputs: Mapping[str, str | Sequence[str]],
    outputs: Mapping[str, str],
    options: Mapping[str, Any],
) -> None:
    """Call the function that is registered as ``table`` with its inputs, outputs and options by name.

    ``outputs``: ``output`` and the further files that it is declared with. Their folders are made.
    """
    for path in outputs.values():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    load("table", table)(**inputs, **outputs, **options)
