"""What a study's own file needs: the decorators, and the types that decorated functions take and return.

    from hydra_steps.plugins import dataset, model      # also: noise, task, optimizer, schedule, method, query,
                                                        # table, figure, sentence

Types are imported when they are asked for, so that a file which declares a figure does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from hydra_steps.errors import StudyError
from hydra_steps.registry.decorators import (
    dataset,
    figure,
    method,
    model,
    noise,
    optimizer,
    query,
    schedule,
    sentence,
    table,
    task,
)

_TYPES = {
    "Part": "hydra_steps.data.raw",
    "Group": "hydra_steps.data.group",
    "Samples": "hydra_steps.data.samples",
    "RawFile": "hydra_steps.data.raw",
    "Mirror": "hydra_steps.data.sources",
    "CleanTargets": "hydra_steps.data.clean_targets",
    "draw_touched": "hydra_steps.data.clean_targets",
    "Contribution": "hydra_steps.scoring.contribution",
    "Finding": "hydra_steps.report.variant_tables",
    "Style": "hydra_steps.figures.style",
    "canvas": "hydra_steps.figures.style",
    "drawing": "hydra_steps.figures.style",
    "save": "hydra_steps.figures.style",
    "make_table": "hydra_steps.tables.tidy",
    "read_table": "hydra_steps.tables.tidy",
    "write_table": "hydra_steps.tables.tidy",
    "Artifact": "hydra_steps.tables.layout",
    "read_scores": "hydra_steps.scoring.store",
    "add_scaled": "hydra_steps.process.optimizers.protocol",
    "add_product": "hydra_steps.process.optimizers.protocol",
    "add_quotient": "hydra_steps.process.optimizers.protocol",
}

__all__ = [
    "StudyError",
    "dataset",
    "figure",
    "method",
    "model",
    "noise",
    "optimizer",
    "query",
    "schedule",
    "sentence",
    "table",
    "task",
]


def __getattr__(name: str) -> Any:
    if name in _TYPES:
        return getattr(import_module(_TYPES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
