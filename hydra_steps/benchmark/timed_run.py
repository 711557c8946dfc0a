"""The small training that the timing study times: its process, its trajectory, and the same in plain PyTorch.

A timed run is a whole training over the first ``samples`` of a run's training split, in whole batches, at the run's
first learning rate, with all its states in memory. Which states are read is kept, since that is what a method
needs of the training.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import cached_property

import torch
from torch import nn

from hydra_steps.benchmark.plain import plain_loss, plain_module
from hydra_steps.config.sections import Model, RunSettings
from hydra_steps.data import RunData, Split
from hydra_steps.data.group import called
from hydra_steps.errors import StudyError
from hydra_steps.process.building import build_process
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.state import State
from hydra_steps.trajectory.trajectory import Trajectory


class TimedRun:
    """``epochs`` over ``samples`` of ``data`` with the run's ``settings``, and its model or another. ``whole`` are all
    of the data.

    Raises :class:`StudyError` for a run with fewer samples, and for an optimizer or a loss that plain training has not.
    """

    def __init__(
        self,
        settings: RunSettings,
        data: RunData,
        samples: int,
        epochs: int,
        model: Model | None = None,
    ) -> None:
        training, size = settings.training, settings.training.batch_size
        optimizer, loss = training.optimizer, training.loss
        changed = optimizer.groups or training.clip or training.average or training.early_stopping
        if optimizer.name != "sgd" or optimizer.options["decoupled"] or changed:
            raise StudyError(
                "the timing study compares with plain SGD",
                "training.optimizer.name sgd, not decoupled, without groups, and no training.clip, average or "
                "early_stopping",
            )
        self._loss = plain_loss(loss.name, loss.options)
        whole = samples - samples % size  # a last short batch would cost less than the others
        if not 0 < whole <= len(data.train):
            raise StudyError(
                f"the timing study is to train on {samples} samples in batches of {size}",
                f"at least one batch, and at most the run's {len(data.train)} training samples",
                "change benchmark.samples, benchmark.scaling, or data.train",
            )
        training = replace(training, epochs=epochs)
        self.settings = replace(settings, training=training, model=model or settings.model)
        self.whole = data
        images, labels, places = data.train.inputs, data.train.targets, data.train.source_index
        self.data = replace(data, train=Split(images[:whole], labels[:whole], places[:whole]))
        self.process = build_process(self.settings, self.data)
        self.rate = optimizer.learning_rate
        self.rates = [self.rate] * self.process.steps
        self.read: set[int] = set()

    @property
    def size(self) -> dict[str, int]:
        """N, P and T, as they stand in the table."""
        process = self.process
        return {"samples": process.samples, "parameters": len(process.model.initial), "steps": process.steps}

    @property
    def state_bytes(self) -> int:
        """The bytes of one state."""
        return sum(part.numel() * part.element_size() for part in self.process.initial_state())

    @cached_property
    def trajectory(self) -> Trajectory:
        """Every state in memory."""
        return self._watched(None)

    @cached_property
    def sparse(self) -> Trajectory:
        """About √T states in memory, the others by replay."""
        every = max(1, round(self.process.steps**0.5))
        return self._watched(range(0, self.process.steps + 1, every))

    def _watched(self, keep: range | None) -> Trajectory:
        made = Trajectory.in_memory(self.process, self.rates, None if keep is None else list(keep))
        states = made.load

        def load(step: int) -> State:
            self.read.add(step)
            return states(step)

        made.load = load
        return made

    def queries(self, count: int) -> QuerySet:
        """``count`` single test samples, so that the query's own gradient costs next to nothing."""
        if count > len(self.data.test):
            raise StudyError(
                f"benchmark.queries asks for {count} queries", f"at most data.test = {len(self.data.test)}"
            )
        single = expand_queries([{"kind": "sample_loss", "split": "test", "count": count}], self.data)
        return QuerySet(single, self.data, self.process)

    def plain_training(self) -> Callable[[], nn.Module]:
        """The loop of PyTorch's tutorials over the same batches: ``nn`` layers, ``torch.optim``, no record."""
        process, loss, options = self.process, self._loss, self.settings.training.optimizer.options
        batches = [process.batch(step) for step in range(process.steps)]
        constants = ("momentum", "weight_decay", "dampening", "nesterov")
        chosen = {key: options[key] for key in constants}
        untrained = plain_module(process.new_module()).to(process.device, process.dtype).train()

        def train() -> nn.Module:
            module = deepcopy(untrained)
            optimizer = torch.optim.SGD(module.parameters(), lr=self.rate, **chosen)
            for batch in batches:
                optimizer.zero_grad()
                loss(called(module, batch.inputs), batch.targets).backward()
                optimizer.step()
            return module

        return train
