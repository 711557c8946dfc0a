"""Where along training a contribution arose: the same sum over steps, kept apart by epoch.

    c[q, n] = Σ_e c[e, q, n],      c[e, q, n] = the part of the steps t of epoch e

Every method whose contribution is a sum over the steps of the training can give it beside c, from the numbers
that it adds up anyway. It costs a second addition per step, and 4·e·q·n bytes of memory and of disk.
Index letters: e epochs, q queries, n samples, b batch.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hydra_steps.trajectory.trajectory import Trajectory

NAME = "by_epoch"  # of the array in the scores' store


def epoch_parts(trajectory: Trajectory, queries: int, by_epoch: bool) -> Tensor | None:
    """Zeros [e, q, n] float32 to add to, where ``by_epoch`` asks for them; else None."""
    if not by_epoch:
        return None
    process = trajectory.process
    return torch.zeros(process.epochs, queries, process.samples, device=process.device)


def add_part(parts: Tensor | None, trajectory: Trajectory, step: int, index: Tensor, values: Tensor) -> None:
    """Add ``values`` [q, b] of the samples ``index`` [b] to the epoch of ``step``; nothing where ``parts`` is None.

    As in the sum itself a sample drawn twice into one batch counts twice.
    """
    if parts is not None:
        parts[step // trajectory.process.steps_per_epoch].index_add_(1, index, values.to(parts))


def epoch_arrays(parts: Tensor | None) -> dict[str, np.ndarray]:
    """The array for the scores' store, none where it was not asked for."""
    return {} if parts is None else {NAME: parts.cpu().numpy()}
