"""What a model is tried on: a few samples, in float64, at parameters a little off the initial ones.

Initial parameters are special: zeros hide what they are multiplied with, and stand on the kink of a ReLU.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from hydra_steps.data.group import mapped
from hydra_steps.models.keyed import sample_keys
from hydra_steps.models.take_over import take_over
from hydra_steps.process.flat_model import FlatModel
from hydra_steps.process.process import Batch, Process
from hydra_steps.process.state import State

SAMPLES = 4


@dataclass
class Case:
    """``process`` in float64 with a few samples, and a ``state`` of it."""

    process: Process
    state: State
    scale: Tensor  # [p], how large the parameters are; 0 for those that training leaves as they are

    def plain(self) -> nn.Module:
        """The module as it was written, built anew: it is as large as all else here."""
        return self.process.new_module().to(self.process.device, torch.float64)

    @property
    def whole(self) -> Batch:
        """All samples."""
        return self.batch(0, self.process.samples)

    @property
    def halves(self) -> tuple[Batch, Batch]:
        """The samples in two parts, twice the whole where a part would be too small: batch norm needs two."""
        count = self.process.samples
        if count < (4 if self.process.model.coupled else 2):
            return self.whole, self.whole
        return self.batch(0, count // 2), self.batch(count // 2, count)

    def batch(self, first: int, last: int) -> Batch:
        """Samples ``first`` … ``last − 1`` as in training, unaugmented."""
        process = self.process
        index = torch.arange(first, last, device=process.device)
        keys = sample_keys(process.seed, 0, index) if process.keyed else None
        return Batch(index, process.inputs[index], process.targets[index], keys)

    def gradient(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """∇θ [p], the buffers after the step [r], and the losses [b]."""
        return self.process.gradient(self.state.parameters, self.state.buffers, batch)

    def losses(self, batch: Batch) -> Tensor:
        """The losses [b] in evaluation mode."""
        with torch.no_grad():
            logits = self.process.model.logits(self.state.parameters, self.state.buffers, batch.inputs)
            return self.process.loss.values(logits, batch.targets)


def make_case(process: Process) -> Case:
    """The case of a process; raises what building its model raises."""
    count = min(SAMPLES, process.samples)
    small = replace(
        process,
        model=FlatModel(take_over(process.new_module())).to(process.device, torch.float64),
        inputs=mapped(_double, process.inputs[:count]),
        targets=_double(process.targets[:count]),
        dtype=torch.float64,
        table=np.arange(count, dtype=np.int32)[None],
        epochs=1,
        crop=0,
        flip=False,
        weighted_statistics=False,
    )
    parameters, slots, buffers = small.initial_state()
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(len(parameters), dtype=torch.float64, generator=generator).to(parameters)
    pieces = parameters.split(small.model.sizes)
    scale = torch.cat([(piece.std(correction=0) + 0.01).expand_as(piece) for piece in pieces])
    for start, stop in _fixed_rows(small.model):
        scale[start:stop] = 0
    state = State(parameters + 0.02 * scale * noise, slots, buffers)
    return Case(small, state, scale)


def _double(values: Tensor) -> Tensor:
    return values.double() if values.is_floating_point() else values


def _fixed_rows(model: FlatModel) -> Iterator[tuple[int, int]]:
    """Where the rows for padding stand among the parameters: PyTorch takes their gradient for 0."""
    offsets = {name: offset for name, _, offset in model.layout}
    for name, layer in model.module.named_modules():
        place = offsets.get(f"{name}.weight".strip("."))
        if type(layer) is nn.Embedding and layer.padding_idx is not None and place is not None:
            start = place + layer.padding_idx * layer.embedding_dim
            yield start, start + layer.embedding_dim
