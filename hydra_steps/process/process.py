"""Φ: one step of training as a function of the state and the data weights, s_t = Φ_t(s_{t−1}, w).

Step t sees batch B_t and minimises  L_t(θ, w) = (1/|B_t|) Σ_{n∈B_t} w_n ℓ_n(θ),  the mean over the batch's
size and not over Σw, with the optimizer's own update. With batch norm ℓ_n depends on the statistics of the batch: of
all its samples, or with ``weighted_statistics`` of its samples weighted by w. Training, replay and re-training run
:meth:`Process.step`; the forward recurrence pushes tangents through it, the reverse sweep pulls cotangents back
through its two halves, :meth:`Process.gradient` and ``optimizer.update``. There is no second step function.

Index letters: n samples, t steps (counted from 0: step t leads from s_t to s_{t+1}), p parameters, b batch, c
classes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import register_pytree_node

from hydra_steps.config.sections import RunSettings
from hydra_steps.config.targets import CLASS, TOKENS
from hydra_steps.data.group import Group, sample_shape
from hydra_steps.models.keyed import sample_keys
from hydra_steps.models.settled import settled_model
from hydra_steps.process.batches import ABSENT, augment
from hydra_steps.process.convolutions import OneByOne
from hydra_steps.process.flat_model import FlatModel
from hydra_steps.process.kept import bytes_kept, convolved
from hydra_steps.process.optimizers import Optimizer, Scalar
from hydra_steps.process.optimizers.averaged import Averaged
from hydra_steps.process.schedules import Schedule
from hydra_steps.process.state import State
from hydra_steps.tasks.losses import Loss


@dataclass(frozen=True)
class Batch:
    """One step's samples: ``index`` [b] int64, ``inputs`` [b, …] as the model takes them, ``targets`` [b, …] as the
    loss does, ``keys`` [b] or None."""

    index: Tensor
    inputs: Any  # a tensor, or a Group of them
    targets: Tensor
    keys: Tensor | None

    def __len__(self) -> int:
        return len(self.index)

    def part(self, start: int, end: int) -> Batch:
        """Some of the samples, in their order."""
        keys = None if self.keys is None else self.keys[start:end]
        return Batch(self.index[start:end], self.inputs[start:end], self.targets[start:end], keys)


@dataclass
class Process:
    """A training process over fixed data; see the module's docstring. Built by :func:`build_process`."""

    model: FlatModel
    loss: Loss
    optimizer: Optimizer
    inputs: Any  # [n, …]: a tensor, or a Group of them
    targets: Tensor  # [n, …]; classes are int64 [n]
    dtype: torch.dtype  # of parameters and of all real numbers
    table: np.ndarray  # int32 [t, b]
    epochs: int
    seed: int
    crop: int = 0
    flip: bool = False
    keyed: bool = False  # whether the model draws noise per sample
    outputs: int = 0  # that the model is asked for; of tokens at each place of a sequence
    asks: str = CLASS  # what is asked of a sample (hydra_steps.config.targets)
    metric: str = "accuracy"  # how well a split is predicted (hydra_steps.tasks.metrics)
    weighted_statistics: bool = False  # whether the data weights count in batch norm's statistics
    settings: RunSettings = field(default_factory=RunSettings)
    given: Callable[[], nn.Module] | None = None  # makes the module, where the settings do not name it

    def new_module(self, weights: bool = True) -> nn.Module:
        """The run's module as its author wrote it; without ``weights`` a file of them is not read."""
        if self.given is not None:
            return self.given()
        shape = sample_shape(self.inputs)
        return settled_model(self.settings.model, shape, self.outputs, self.seed, weights)

    @property
    def samples(self) -> int:
        return len(self.targets)

    @property
    def outputs_of_sample(self) -> int:
        """How many numbers the model gives for a sample."""
        return self.outputs * (self.targets.shape[1] if self.asks == TOKENS else 1)

    @property
    def steps(self) -> int:
        return len(self.table)

    @property
    def steps_per_epoch(self) -> int:
        return self.steps // self.epochs if self.epochs else 0

    @property
    def device(self) -> torch.device:
        return self.targets.device

    def place(self, array: Any) -> Any:
        """The array, or a group's, on the process's device: real numbers in its precision, others as they are."""
        return place(array, self.device, self.dtype)

    @cached_property
    def _index(self) -> Tensor:
        return torch.from_numpy(self.table.astype(np.int64)).to(self.device)

    @cached_property
    def sizes(self) -> list[int]:
        """|B_t| [t]."""
        return [int(size) for size in (self.table != ABSENT).sum(1)]

    def initial_state(self) -> State:
        """s_0: initial parameters, empty slots (but for a moving average, which begins there), initial buffers."""
        parameters = self.model.initial.to(self.device, self.dtype)
        slots = torch.zeros(self.optimizer.slots, len(parameters), device=self.device, dtype=self.dtype)
        if isinstance(self.optimizer, Averaged):
            slots[-1] = parameters
        return State(parameters, slots, self.model.initial_buffers.to(self.device, self.dtype))

    @property
    def bytes_per_state(self) -> int:
        numbers = len(self.model.initial) * (1 + self.optimizer.slots) + len(self.model.initial_buffers)
        return numbers * self.dtype.itemsize

    @cached_property
    def bytes_by_sample(self) -> float:
        """Bytes that a pass keeps of one sample for its gradient."""
        inputs = self.inputs[:2]  # batch norm has no variance of one
        keys = torch.zeros(len(inputs), dtype=torch.int64, device=self.device) if self.keyed else None
        return bytes_kept(self.model, self.initial_state(), inputs, keys) / max(len(inputs), 1)

    @cached_property
    def convolved_by_step(self) -> float:
        """Multiplications and additions of the convolutions in a step's forward pass."""
        inputs = self.inputs[:1]
        return convolved(self.model, self.initial_state(), inputs) * int(max(self.sizes, default=0))

    def schedule(self) -> Schedule:
        """The schedule of the learning rates, at its beginning."""
        training = self.settings.training
        schedule, rate = training.schedule, training.optimizer.learning_rate
        steps, warmup = self.steps_per_epoch, schedule.warmup_epochs
        return Schedule(schedule.name, schedule.options, rate, training.epochs, steps, warmup)

    def until(self, step: int) -> Process:
        """The same process ended after ``step`` steps, a whole number of epochs; its schedule stays the whole one's."""
        if step == self.steps:
            return self
        return replace(self, table=self.table[:step], epochs=step // self.steps_per_epoch)

    def index(self, step: int) -> Tensor:
        """B_t [b] int64, on the device."""
        return self._index[step, : self.sizes[step]]

    def batch(self, step: int) -> Batch:
        """The samples of step ``step``, augmented as in training."""
        index = self.index(step)
        inputs, targets, keys = self.inputs[index], self.targets[index], None
        if self.keyed or self.crop or self.flip:
            keys = sample_keys(self.seed, step // self.steps_per_epoch, index)
        if keys is not None and (self.crop or self.flip):
            inputs = augment(inputs, keys, self.crop, self.flip)
        return Batch(index, inputs, targets, keys)

    @property
    def weighs_statistics(self) -> bool:
        """Whether the data weights change what batch norm does to a batch."""
        return self.weighted_statistics and self.model.coupled

    def with_statistics_of_all(self) -> Process:
        """The same process whose batch norm counts all samples alike, whatever their weights."""
        return replace(self, weighted_statistics=False) if self.weighs_statistics else self

    def statistics_weights(self, batch: Batch, weights: Tensor | None) -> Tensor | None:
        """The weights [b] that the samples of a batch have in batch norm's statistics, None for all alike.

        ``weights`` [n] are the data weights w, None for all one.
        """
        return weights[batch.index] if weights is not None and self.weighs_statistics else None

    def gradient(
        self, parameters: Tensor, buffers: Tensor, batch: Batch, weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """∇θ L_t [p], the buffers after the step [r], and the batch's unweighted losses [b].

        ``weights`` [n] are the data weights w; None means all one. Mean over |B_t|.
        """
        leaf = parameters.detach().requires_grad_()
        logits, new_buffers = self.model.train_logits(
            leaf, buffers, batch.inputs, batch.keys, weights=self.statistics_weights(batch, weights)
        )
        losses = self.loss.values(logits, batch.targets)
        weighted = losses if weights is None else losses * weights[batch.index]
        (gradient,) = torch.autograd.grad(weighted.sum() / len(batch), leaf)
        return gradient, new_buffers.detach(), losses.detach()

    def gradients(
        self, parameters: Tensor, buffers: Tensor, batch: Batch, weights: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """:meth:`gradient` of k trainings at once, which meet the same batch: [k, p], [k, r], [k, b].

        ``parameters`` [k, p], ``buffers`` [k, r], ``weights`` [k, n]. Equal to one by one up to round-off.
        """
        leaf, of_batch = parameters.detach().requires_grad_(), weights[:, batch.index]
        counted = of_batch if self.weighs_statistics else None

        def one(
            its_parameters: Tensor, its_buffers: Tensor, its_weights: Tensor | None
        ) -> tuple[Tensor, Tensor]:
            return self.model.train_logits(
                its_parameters, its_buffers, batch.inputs, batch.keys, weights=its_weights
            )

        # A GPU is filled by convolutions in groups.
        with OneByOne() if self.device.type == "cpu" else nullcontext():
            logits, new_buffers = torch.vmap(one, in_dims=(0, 0, None if counted is None else 0))(
                leaf, buffers, counted
            )
        every = batch.targets.repeat(len(leaf), *(1 for _ in batch.targets.shape[1:]))
        losses = self.loss.values(logits.flatten(0, 1), every).view(len(leaf), len(batch))
        # A sum over trainings: each has its own parameters, so the gradient's rows do not mix.
        (gradients,) = torch.autograd.grad((losses * of_batch).sum() / len(batch), leaf)
        return gradients, new_buffers.detach(), losses.detach()

    def step(
        self, state: State, step: int, rate: Scalar, weights: Tensor | None = None
    ) -> tuple[State, Tensor, Tensor]:
        """Φ: the next state, the batch's losses [b], and the gradient [p] (before weight decay)."""
        gradient, buffers, losses = self.gradient(state.parameters, state.buffers, self.batch(step), weights)
        parameters, slots = self.optimizer.update(state.parameters, state.slots, gradient, rate, step)
        return State(parameters, slots, buffers), losses, gradient


def place(array: Any, device: torch.device, dtype: torch.dtype) -> Any:
    """The array, or a group's, as tensors on ``device``: real numbers as ``dtype``, others as they are."""
    if isinstance(array, Group):
        return array.map(lambda member: place(member, device, dtype))
    tensor = torch.tensor(array)
    return tensor.to(device, dtype if tensor.is_floating_point() else None)


# Maps over samples go through a group's tensors.
register_pytree_node(
    Group,
    lambda group: (list(group.members.values()), tuple(group.members)),
    lambda members, names: Group(dict(zip(names, members, strict=True))),
)
