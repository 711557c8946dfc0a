"""Making any table of a study, by its name: the package's own and those of plug-ins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra_steps.config.run import Run
from hydra_steps.registry import load
from hydra_steps.tables.layout import locate


def evaluate(
    table: str,
    inputs: Mapping[str, str | Sequence[str]],
    outputs: Mapping[str, str],
    options: Mapping[str, Any],
    runs: Mapping[str, Run],
) -> None:
    """Call the function that is registered as ``table`` with its inputs, outputs and options by name.

    ``outputs``: ``output`` and the further files that it is declared with. Their folders are made. ``runs``: the
    study's by name; what comes in lists is of some of them, but for ``raw``, the datasets' verified files.
    """
    for path in outputs.values():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    given = {
        name: files if isinstance(files, str) or name == "raw" else [locate(file, runs) for file in files]
        for name, files in inputs.items()
    }
    load("table", table)(**given, **outputs, **options)
