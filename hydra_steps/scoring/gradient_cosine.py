"""The cosine between the query's and the sample's gradient at the final state.

    ⟨∇f_q(θ_T), ∇ℓ_n(θ_T)⟩ / (‖∇f_q(θ_T)‖ ‖∇ℓ_n(θ_T)‖)

Without the lengths, samples with a large loss do not outweigh all others. Index letters: q queries, n samples, p
parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from hydra_steps.process.process import Process
from hydra_steps.process.state import State
from hydra_steps.queries.query_set import QuerySet
from hydra_steps.scoring.registry import Contribution, scorer
from hydra_steps.trajectory.trajectory import Trajectory

CHUNK = 64  # samples whose gradients are held at once


def final_gradients(process: Process, state: State, chunk: int = CHUNK) -> Iterator[Tensor]:
    """∇ℓ_n(θ) [b, p] of all training samples in order, in evaluation mode (well defined with batch norm too)."""

    def loss(parameters: Tensor, image: Tensor, label: Tensor) -> Tensor:
        logits = process.model.logits(parameters, state.buffers, image[None])
        return process.loss.values(logits, label[None]).sum()

    gradient = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    for images, labels in zip(process.images.split(chunk), process.labels.split(chunk), strict=True):
        yield gradient(state.parameters, images, labels)


@scorer(
    "gradient_cosine",
    unit="rank only",
    summary="cosine between the query's and the sample's gradient at the final state",
    cost="about one epoch, any number of queries",
    use="when a few samples with a large loss dominate the gradient product",
)
def gradient_cosine(trajectory: Trajectory, queries: QuerySet, options: Mapping[str, Any]) -> Contribution:
    """Cosines [q, n] float64 in [−1, 1], 0 where a gradient vanishes; rank only; positive helps."""
    final = trajectory.final_state
    directions = _unit(queries.cotangents(final).parameters)
    parts = [
        (directions @ _unit(gradients).T).double() for gradients in final_gradients(trajectory.process, final)
    ]
    return Contribution(torch.cat(parts, 1) if parts else directions.new_zeros(len(queries), 0))


def _unit(rows: Tensor) -> Tensor:
    return rows / torch.linalg.vector_norm(rows, dim=1, keepdim=True).clamp_min(torch.finfo(rows.dtype).tiny)
