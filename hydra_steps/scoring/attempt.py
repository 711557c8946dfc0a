"""Asking a method for contributions where it may have none: what it gives, or a row that says why not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch

from hydra_steps.errors import NoScores
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.trajectory.trajectory import Trajectory

SCORED = "scored"

_logger = logging.getLogger(__name__)


def attempt(
    function: Callable[..., Contribution],
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    label: str,
    **options: Any,
) -> tuple[Contribution, str]:
    """Return the contributions [q, n] and ``scored``; not numbers and the reason where a method raises ``NoScores``."""
    try:
        return function(trajectory, queries, **options), SCORED
    except NoScores as error:
        status = f"{error.status}: {error}"
        _logger.warning("warning: %s %s", label, status)
        return Contribution(torch.full((len(queries), trajectory.process.samples), torch.nan)), status
