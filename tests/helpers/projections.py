"""The random projections that dattri draws."""

from __future__ import annotations

import torch
from torch import Tensor


def projection(parameters: int, width: int, index: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """The matrix [p, k] of the checkpoint ``index``: read off from what it does to unit vectors."""
    from dattri.func.projection import random_project

    identity = torch.eye(parameters, dtype=dtype)
    arguments = {"proj_dim": width, "proj_max_batch_size": 32, "proj_seed": 0, "proj_type": "normal"}
    projected: Tensor = random_project(identity, parameters, device="cpu", **arguments)(
        identity, ensemble_id=index
    )
    return projected
