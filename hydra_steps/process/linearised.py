"""What a linearised step is, on whichever path it is computed; see :mod:`hydra_steps.process.linearise`."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import torch
from torch import Tensor

from hydra_steps.process.process import Batch, Process


class Curvature(StrEnum):
    """Which matrix stands for the Hessian of the batch loss."""

    EXACT = "exact"
    GAUSS_NEWTON = "gauss_newton"
    NONE = "none"


class Linearised(NamedTuple):
    """Of directions u_q: ``slopes`` ⟨u_q, ∇ℓ_n⟩ [q, b]; ``parameters_bar`` [q, p], the curvature times u_q plus the
    buffers' pull-back (None without curvature); ``buffers_bar`` [q, r]; ``buffers_dot`` [q, r], the new buffers'
    tangents, to be read where those before the step were given; ``statistics_bar`` [q, b], what ⟨u_q, g⟩ and the
    buffers change by w_n through batch norm's weighted statistics, besides ℓ̇_n / |B| (None where they are not
    weighted, and without curvature).
    """

    slopes: Tensor
    parameters_bar: Tensor | None
    buffers_bar: Tensor
    buffers_dot: Tensor
    statistics_bar: Tensor | None = None


class Point(NamedTuple):
    """Where a step is linearised: the state, the batch, the data ``weights`` [n] (None: all one), and the mode; of a
    part of a batch also how many samples the whole one has."""

    parameters: Tensor
    buffers: Tensor
    batch: Batch
    weights: Tensor | None
    training: bool
    whole: int | None = None

    def share(self, process: Process) -> Tensor:
        """w_n / |B| [b]."""
        size = len(self.batch)
        share = torch.full((size,), 1 / (self.whole or size), dtype=process.dtype, device=process.device)
        return share if self.weights is None else share * self.weights[self.batch.index]

    def counted(self, process: Process) -> Tensor | None:
        """The weights [b] of the samples in batch norm's statistics, to be differentiated by; None where they have
        none."""
        if not (self.training and process.weighs_statistics):
            return None
        of_batch = self.weights[self.batch.index] if self.weights is not None else None
        return self.parameters.new_ones(len(self.batch)) if of_batch is None else of_batch.detach()

    def passed(
        self, process: Process, parameters: Tensor, buffers: Tensor, counted: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Logits [b, c] and the buffers after the step [r], both differentiable by all three."""
        batch = self.batch
        if not self.training:
            return process.model.logits(parameters, buffers, batch.inputs), buffers
        return process.model.train_logits(
            parameters, buffers, batch.inputs, batch.keys, differentiable=True, weights=counted
        )
