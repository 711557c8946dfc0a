"""Directions of single samples' gradients at the final state, however small the gradients themselves are.

    u_n = J_nᵀ δ_n,      ∇ℓ_n(θ) = s_n u_n      δ_n = ∂ℓ_n/∂z over its largest entry s_n

A sample that is learnt well has a gradient of 1e-20 and less: its square is 0 in float32, and its entry for the label,
p − 1, is 0 or round-off. What asks only for the direction (a cosine, a quotient of gradients) is computed from u_n,
which is of the size of the logits' derivatives J_n for every sample. Evaluation mode, well defined with batch norm too.
Index letters: n samples, b chunk, c classes, p parameters.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from hydra_steps.process.process import Process
from hydra_steps.process.state import State
from hydra_steps.scoring.per_sample import gradient_rows

CHUNK = 64  # samples whose gradients are held at once


def sample_directions(process: Process, state: State, chunk: int = CHUNK) -> Iterator[Tensor]:
    """u_n [b, p] of all training samples in order; zero only where the gradient is exactly 0.

    Cost: one forward pass, and one forward and one backward pass mapped over the samples.
    """

    def along(parameters: Tensor, image: Tensor, direction: Tensor) -> Tensor:
        return (process.model.logits(parameters, state.buffers, image[None])[0] * direction).sum()

    for images, labels in zip(process.inputs.split(chunk), process.targets.split(chunk), strict=True):
        with torch.no_grad():
            logits = process.model.logits(state.parameters, state.buffers, images)
        direction = process.loss.direction(logits, labels)[0].to(logits)
        yield gradient_rows(process, along, state.parameters, images, direction)


def unit(rows: Tensor) -> Tensor:
    """``rows`` [m, p] at length one, in float64; rows of zeros stay zeros. No square is lost, whatever the scale.

    >>> unit(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]], dtype=torch.float64)
    """
    rows = rows.double()
    largest = rows.abs().amax(1, keepdim=True)
    rows = rows / largest.where(largest > 0, 1)
    length = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    unit: Tensor = rows / length.where(length > 0, 1)
    return unit


def vanished(rows: Tensor) -> Tensor:
    """Which of ``rows`` [m, p] are all zeros [m]: they have no direction."""
    return ~rows.any(1)
