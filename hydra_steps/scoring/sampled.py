"""A mean over random draws as a contribution, with its own error beside it."""

from __future__ import annotations

import torch
from torch import Tensor

from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.sampled_arrays import COUNT, ERROR


def sampled(values: Tensor, trainings: int) -> Contribution:
    """The mean [q, n] of draws ``values`` [k, q, n], k > 1, its ``standard_error`` [q, n] and how many trainings
    they took."""
    return with_error(values.mean(0), values.std(0) / len(values) ** 0.5, trainings)


def with_error(values: Tensor, error: Tensor, trainings: int) -> Contribution:
    """Contributions [q, n] with a standard error [q, n]."""
    arrays = {ERROR: torch.as_tensor(error, dtype=torch.float64).cpu().numpy()}
    return Contribution(values, {COUNT: trainings}, arrays)
