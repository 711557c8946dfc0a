"""Are the samples of a dataset what it declares, where they are no classes of images?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hydra_steps.config.datasets import Dataset
from hydra_steps.config.targets import LABELS, NUMBERS
from hydra_steps.data.group import members_of
from hydra_steps.data.raw import Part
from hydra_steps.errors import StudyError


def check_part(part: Part, entry: Dataset, name: str, samples: int, home: Path) -> None:
    """Raise :class:`StudyError` for inputs or targets of another shape or type than declared, and for values that they
    cannot have."""
    where = f"the {name} part of {entry.name} in {home}"
    targets, shapes = part.targets, entry.shape
    members = members_of(part.inputs)
    wanted = (
        {name: tuple(sizes) for name, sizes in shapes.items()} if isinstance(shapes, dict) else {"": shapes}
    )
    if list(members) != list(wanted):
        raise StudyError(f"{where} has the inputs {list(members)}", f"{list(wanted)}, as declared", _MEND)
    for called, inputs in members.items():
        _check_inputs(
            inputs, (samples, *wanted[called]), f"{where}{called and f', {called}'}", entry.described
        )
    kind = np.float32 if entry.asks == NUMBERS else np.int64
    width = (len(entry.outputs),) if entry.asks in (LABELS, NUMBERS) else targets.shape[1:2]
    if targets.dtype != kind or targets.shape != (samples, *width) or targets.ndim != 2:
        raise StudyError(
            f"{where} has targets {targets.dtype} {targets.shape}",
            f"{np.dtype(kind).name} ({samples}, {width[0] if width else 'length'})",
            _MEND,
        )
    if entry.asks == NUMBERS:
        right = np.isfinite(targets)
    elif entry.asks == LABELS:
        right = (targets == 0) | (targets == 1)
    else:
        right = (targets == ABSENT) | ((targets >= 0) & (targets < len(entry.outputs)))
    if not right.all():
        row, place = np.argwhere(~right)[0]
        raise StudyError(
            f"{where}: sample {row} has the target {targets[row, place]}", _ALLOWED[entry.asks], _MEND
        )


def _check_inputs(inputs: np.ndarray, shape: tuple[int, ...], where: str, gaps: bool) -> None:
    """``gaps``: numbers may be missing, which become the mean later."""
    if inputs.shape != shape or inputs.dtype not in (np.uint8, np.uint16, np.float32, np.int64, np.bool_):
        raise StudyError(
            f"{where} has inputs {inputs.dtype} {inputs.shape}",
            f"uint8, float32, int64 or bool {shape}",
            _MEND,
        )
    if not gaps and inputs.dtype == np.float32 and not np.isfinite(inputs).all():
        row = int(np.argwhere(~np.isfinite(inputs))[0][0])
        raise StudyError(
            f"{where}: sample {row} has an input that is no finite number", "finite numbers", _MEND
        )


ABSENT = -100  # a place of a sequence that asks for no token
_MEND = "correct the data, or the function that reads them"
_ALLOWED = {
    "numbers": "finite numbers",
    "labels": "0 or 1",
    "tokens": f"a token that the dataset names, or {ABSENT} where none is asked for",
}
