"""Passes over numbers [b, c, …] that treat each feature by itself: batch norm's own kernels do them in one."""

from __future__ import annotations

import torch
from torch import Tensor


def spread(of_feature: Tensor, like: Tensor) -> Tensor:
    """[c] beside [b, c, …]."""
    return of_feature.view(1, -1, *[1] * (like.ndim - 2))


def dense(values: Tensor, beside: Tensor | None = None) -> Tensor:
    """The values without gaps in memory, in the layout that they have, or that others ``beside`` them have: batch
    norm's kernels go over one layout at a time."""
    if values.ndim != 4 or torch._C._functorch.is_batchedtensor(values):
        return values.contiguous()
    last = (values if beside is None else beside).is_contiguous(memory_format=torch.channels_last)
    return values.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def sums(values: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Σ v and Σ v u [c] of v and u [b, c, …]: batch norm's own sums, in evaluation with mean 0 and variance 1, which is
    one pass over both; two where several directions are mapped."""
    if torch._C._functorch.is_batchedtensor(values):
        over = [0, *range(2, others.ndim)]
        return values.sum(over), (values * others).sum(over)
    zeros, ones = others.new_zeros(others.shape[1]), others.new_ones(others.shape[1])
    # The processor takes the running mean and variance, a GPU those that a forward pass would have saved.
    _, along, total = torch.ops.aten.native_batch_norm_backward(
        *(dense(values, others), others, ones, zeros, ones, zeros, ones, False, 0.0, [False, True, True])
    )
    return total, along


def scaled_by_feature(values: Tensor, factors: Tensor, constants: Tensor) -> Tensor:
    """f v + k [b, c, …] of v [b, c, …] and f and k [c]: batch norm in evaluation, which is one pass."""
    if torch._C._functorch.is_batchedtensor(values) or torch._C._functorch.is_batchedtensor(factors):
        return spread(factors, values) * values + spread(constants, values)
    zeros, ones = factors.new_zeros(len(factors)), factors.new_ones(len(factors))
    made: Tensor = torch.native_batch_norm(values, factors, constants, zeros, ones, False, 0.0, 0.0)[0]
    return made
