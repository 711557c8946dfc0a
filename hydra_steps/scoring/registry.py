"""The registry of scorers: one interface, one unit, one sign.

A scorer is one file with one registered function ``(trajectory, queries, options) -> Contribution``; adding a
method touches that file, its line in ``_FILES``, its schema entry and its test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from torch import Tensor

from hydra_steps.errors import StudyError, nearest
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.trajectory.trajectory import Trajectory

_FILES = (
    "hydra",
    "hydra_averaged",
    "hydra_forward",
    "influence",
    "influence_lissa",
    "influence_arnoldi",
    "influence_ekfac",
    "gradients",
    "baselines",
    "detectors",
    "gradient_cosine",
    "tracin",
    "trak",
    "data_value_embedding",
    "confident_learning",
)


@dataclass(frozen=True)
class Contribution:
    """``values`` [q, n]: c = −∂f_q/∂w_n, positive helps. ``diagnostics`` are plain numbers and sentences to
    keep, and ``arrays`` further arrays for the scores' store; one named ``tracked`` lists the only samples with
    values."""

    values: Tensor
    diagnostics: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


ScorerFunction = Callable[[Trajectory, QuerySet, Mapping[str, Any]], Contribution]


@dataclass(frozen=True)
class Scorer:
    """A registered method. ``unit`` is ``query`` (contributions predict changes) or ``rank only``.

    ``needs`` says what it reads of the training, ``use`` when a study should choose it.
    """

    name: str
    function: ScorerFunction
    unit: str
    summary: str
    cost: str
    needs: str = "the final state"
    use: str = ""


_SCORERS: dict[str, Scorer] = {}


def scorer(
    name: str, unit: str, summary: str, cost: str, needs: str = "the final state", use: str = ""
) -> Callable[[ScorerFunction], ScorerFunction]:
    """Register a scoring function; all texts are shown to users."""

    def register(function: ScorerFunction) -> ScorerFunction:
        _SCORERS[name] = Scorer(name, function, unit, summary, cost, needs, use)
        return function

    return register


def scorers() -> dict[str, Scorer]:
    """All methods by name."""
    for file in _FILES:
        import_module(f"hydra_steps.scoring.{file}")
    return dict(sorted(_SCORERS.items()))


def get_scorer(name: str) -> Scorer:
    """The method ``name``; raises :class:`StudyError` with the nearest name for an unknown one."""
    known = scorers()
    if name not in known:
        raise StudyError(f"method {name!r} is unknown", fix=nearest(name, list(known)))
    return known[name]
