"""Data and settings that are given in Python, as the rest of the package takes them.

Index letters: n samples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hydra_steps.config.schema import fill, section_of_run, unquote
from hydra_steps.config.sections import RunSettings
from hydra_steps.config.targets import CLASS, LABELS, NUMBERS, targets_of
from hydra_steps.config.validate import validate
from hydra_steps.data.run_data import RunData, Split
from hydra_steps.errors import StudyError

Pair = tuple[
    Any, Any
]  # inputs [n, …] and targets [n, …]: arrays, tensors, or whatever numpy makes an array of
DEFAULT_LOSS = {CLASS: "cross_entropy", NUMBERS: "squared_error", LABELS: "binary_cross_entropy"}


def optimizer(name: str, learning_rate: float, **options: Any) -> dict[str, Any]:
    """Return an optimizer's section, as a study has it under ``training.optimizer``."""
    return {"name": name, "learning_rate": learning_rate, **options}


def SGD(learning_rate: float, **options: Any) -> dict[str, Any]:  # noqa: N802  # torch.optim's name
    """Return SGD with PyTorch's semantics: ``momentum`` (0), ``weight_decay`` (0), ``nesterov``, …"""
    return optimizer("sgd", learning_rate, **{"momentum": 0.0, "weight_decay": 0.0, **options})


def Adam(learning_rate: float, **options: Any) -> dict[str, Any]:  # noqa: N802  # torch.optim's name
    """Return Adam with PyTorch's semantics: ``betas``, ``epsilon``, ``weight_decay`` (0)."""
    return optimizer("adam", learning_rate, **{"weight_decay": 0.0, **options})


def AdamW(learning_rate: float, **options: Any) -> dict[str, Any]:  # noqa: N802  # torch.optim's name
    """Return AdamW with PyTorch's semantics: ``betas``, ``epsilon``, ``weight_decay`` (0.01)."""
    return optimizer("adamw", learning_rate, **{"weight_decay": 0.01, **options})


def settings_of(training: Mapping[str, Any], compute: Mapping[str, Any], seed: int) -> RunSettings:
    """Return a run's settings of plain sections, checked as those of a study."""
    plain: dict[str, Any] = {"seed": seed}
    for name, given in (("training", training), ("compute", compute)):
        schema = section_of_run(name, given)
        section = unquote(dict(given), schema)
        validate(section, schema, (name,))
        plain[name] = fill(section, schema)
    return RunSettings.of(plain)


def data_of(
    train: Pair, validation: Pair | None, test: Pair | None, task: str | None, classes: Sequence[str] | None
) -> RunData:
    """Return a run's data; splits that are not given are empty. ``task``: the loss that was asked for, if one was.

    Whole numbers are classes, 0 or 1 in several columns are labels, and real numbers are numbers, unless the task says
    otherwise. Raises :class:`StudyError` for splits that do not fit each other.
    """
    inputs, targets = _arrays(train, "train")
    asks = targets_of(task) if task else _asked(targets)
    parts = {"train": _split(inputs, targets, asks, "train")}
    for name, pair in (("validation", validation), ("test", test)):
        given = (inputs[:0], targets[:0]) if pair is None else _arrays(pair, name)
        parts[name] = _split(*given, asks, name)
        for what, mine, its in (
            ("inputs", parts["train"].inputs, parts[name].inputs),
            ("targets", parts["train"].targets, parts[name].targets),
        ):
            if mine.shape[1:] != its.shape[1:]:
                raise StudyError(
                    f"the {what} of the {name} split have the shape {its.shape[1:]}",
                    f"{mine.shape[1:]}, as those of the training split",
                    "give all splits in one form",
                )
    every = np.concatenate([part.targets for part in parts.values()])
    count = every.shape[1] if asks in (NUMBERS, LABELS) else int(every.max()) + 1
    names = [str(i) for i in range(count)] if classes is None else [str(one) for one in classes]
    if len(names) < count:
        raise StudyError(
            f"{len(names)} names of classes were given for {count} classes", f"{count} or more names"
        )
    return RunData(
        train=parts["train"],
        validation=parts["validation"],
        test=parts["test"],
        clean_targets=None,
        is_noisy=None,
        outputs=tuple(names),
        name="given",
        digest=_digest(parts),
        asks=asks,
    )


def _arrays(pair: Pair, name: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        inputs, targets = (_array(one) for one in pair)
    except (TypeError, ValueError) as error:
        raise StudyError(
            f"the {name} split cannot be read as arrays: {error}",
            "(inputs, targets): two arrays or tensors with a sample in each row",
            "stack the samples of a Dataset first",
        ) from error
    if len(inputs) != len(targets):
        raise StudyError(
            f"the {name} split has {len(inputs)} inputs and {len(targets)} targets", "as many of each"
        )
    return inputs, targets


def _array(values: Any) -> np.ndarray:
    if isinstance(values, Tensor):
        values = values.detach().cpu().numpy()
    array = np.asarray(values)
    if array.dtype == object or not (np.issubdtype(array.dtype, np.number) or array.dtype == bool):
        raise TypeError(f"{array.dtype} are no numbers")
    return array


def _asked(targets: np.ndarray) -> str:
    if targets.dtype == bool or np.issubdtype(targets.dtype, np.integer):
        return CLASS if targets.ndim == 1 else LABELS
    return NUMBERS


def _split(inputs: np.ndarray, targets: np.ndarray, asks: str, name: str) -> Split:
    if np.issubdtype(inputs.dtype, np.floating) and not np.isfinite(inputs).all():
        raise StudyError(f"the inputs of the {name} split hold values that are not finite", "finite numbers")
    if asks in (NUMBERS, LABELS):
        targets = targets.astype(np.float64)
        targets = targets[:, None] if targets.ndim == 1 else targets
    else:
        targets = targets.astype(np.int64)
        if len(targets) and targets.min() < 0:
            raise StudyError(f"the {name} split has the target {targets.min()}", "classes from 0 on")
    return Split(inputs, targets, np.arange(len(inputs)))


def _digest(parts: Mapping[str, Split]) -> str:
    digest = hashlib.sha256()
    for name, part in parts.items():
        for array in (part.inputs, part.targets):
            digest.update(f"{name} {array.shape} {array.dtype.str}\n".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def positions_of(groups: Sequence[Sequence[int]], samples: int) -> list[np.ndarray]:
    """Return groups of positions as arrays; :class:`StudyError` for positions that are not there."""
    found = []
    for number, group in enumerate(groups):
        positions = np.asarray(torch.as_tensor(list(group), dtype=torch.int64))
        if len(positions) and not 0 <= positions.min() <= positions.max() < samples:
            raise StudyError(
                f"group {number} holds the positions {positions.min()} to {positions.max()}",
                f"positions of training samples, 0 to {samples - 1}",
            )
        found.append(np.unique(positions))
    return found
