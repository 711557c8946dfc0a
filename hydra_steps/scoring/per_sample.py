"""Gradients of single samples, all at once where PyTorch can map a model's operations over samples."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from hydra_steps.process.paths import Path
from hydra_steps.process.process import Process


def gradient_rows(
    process: Process, function: Callable[..., Tensor], parameters: Tensor, *rows: Tensor | None
) -> Tensor:
    """∂ function(θ, rows[0][n], rows[1][n], …) / ∂θ for every n: [n, p]. A None among ``rows`` is passed on.

    Anyone's module may do what cannot be mapped (a branch on a value, a function of autograd's of the old form): its
    samples are then taken one by one.
    """
    axes = (None, *(None if row is None else 0 for row in rows))
    try:
        mapped: Tensor = torch.func.vmap(torch.func.grad(function), in_dims=axes)(parameters, *rows)
        return mapped
    except RuntimeError:
        if process.model.path is not Path.BACKWARD and process.model.forwards:
            raise
    leaf = parameters.detach().requires_grad_()
    count = next(len(row) for row in rows if row is not None)
    made = [parameters.new_zeros(0, len(parameters))]
    for n in range(count):
        value = function(leaf, *(None if row is None else row[n] for row in rows))
        made.append(torch.autograd.grad(value, leaf)[0][None])
    return torch.cat(made)
