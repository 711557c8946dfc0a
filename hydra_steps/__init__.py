"""Steps of a training-data attribution study: which training samples made this model behave as it does?

Rooms, in the direction of knowledge: ``data``, ``models`` → ``process`` → ``scoring`` → ``evaluation`` → ``figures``.
The package imports no snakemake; the workflow's scripts call it. ``terminal`` alone answers to Snakemake.

From Python, with nothing written and no workflow: ``train``, ``record``, ``SGD``, ``Adam``, ``AdamW``,
``predicted_changes``, ``lds`` and ``show_samples`` (:mod:`hydra_steps.notebook`). They are imported when they are asked
for, as planning a workflow must not need torch.
"""

from importlib import import_module
from typing import Any

from hydra_steps.interrupted import end_in_one_line, is_program

__version__ = "0.1.0"

_FACE = {
    "train": "training",
    "record": "recorded",
    "SGD": "given",
    "Adam": "given",
    "AdamW": "given",
    "optimizer": "given",
    "predicted_changes": "arrays",
    "lds": "arrays",
    "show_samples": "pictures",
}
__all__ = [*_FACE, "__version__"]

if is_program():
    end_in_one_line()


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(f"hydra_steps.notebook.{_FACE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
