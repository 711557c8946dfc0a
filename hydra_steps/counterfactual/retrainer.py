"""One re-training without some samples, and what is measured at its end.

By data weights of 0 everything else stays as it is. A training on the rest has batches and a number of steps of its
own, in as many epochs: the truth in the form that the literature has (:class:`hydra_steps.counterfactual.draws.Draw`).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from hydra_steps.counterfactual.draws import Draw, moved_process
from hydra_steps.counterfactual.fresh import keep_samples
from hydra_steps.errors import StudyError
from hydra_steps.process.building import build_process
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.process.running import evaluate, run, train, weights_without
from hydra_steps.process.state import State
from hydra_steps.process.together import at_once, one_by_one, run_together
from hydra_steps.tasks.metrics import MEASURES
from hydra_steps.trajectory.trajectory import Trajectory


class Outcome(NamedTuple):
    """One re-training: query values [q] float64, the task's metric on the test split, mean loss in the last epoch."""

    value: np.ndarray
    test_metric: float
    final_loss: float

    def as_json(self) -> dict[str, Any]:
        return self._asdict() | {"value": self.value.tolist()}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Outcome:
        return cls(np.array(entry["value"], np.float64), entry["test_metric"], entry["final_loss"])


class Retrainer:
    """Re-trains one run without samples, and measures queries and the task's metric on the test split at the end."""

    def __init__(
        self, base: Trajectory, queries: QuerySet, test_inputs: np.ndarray, test_targets: np.ndarray
    ) -> None:
        self.base, self.queries, self._draw = base, queries, Draw("", base)
        process = base.process
        self._inputs = process.place(test_inputs)
        self._targets = process.place(test_targets)

    def of(self, draw: Draw) -> Retrainer:
        """The same for another training: queries look at architecture and loss, which all draws share."""
        other = copy.copy(self)
        other.base, other._draw = draw.base, draw
        return other

    @property
    def at_once(self) -> int:
        """How many groups :meth:`outcomes` does at once; 1 for one by one. Trainings on subsets share no batch."""
        return 1 if self._draw.subset else at_once(self.base.process)

    def outcome(self, removed: np.ndarray) -> Outcome:
        """Train without ``removed`` and measure; ``final_loss`` is the kept samples' mean loss in the last
        epoch, of a training on a subset at its end.
        """
        if self._draw.subset and len(removed):
            return self._on_the_rest(removed)
        process = self.base.process
        weights = weights_without(process, torch.from_numpy(removed))
        last_epoch = process.steps - process.steps_per_epoch
        losses: list[Tensor] = []
        kept: list[Tensor] = []

        def observe(step: int, state: State, rate: float, batch_losses: Tensor, gradient: Tensor) -> None:
            if step >= last_epoch:
                losses.append(batch_losses.double())
                kept.append(weights[process.index(step)] > 0)

        start = self.first_step(removed)
        state = run(process, self.base.load(start), self.base.rates, start, weights=weights, observe=observe)
        final_loss = float(torch.cat(losses)[torch.cat(kept)].mean()) if losses else float("nan")
        return self.measured(state)._replace(final_loss=final_loss)

    def outcomes(self, groups: Sequence[np.ndarray]) -> list[Outcome]:
        """:meth:`outcome` of each group, all trained at once, from the window's first step; equal up to round-off."""
        process = self.base.process
        weights = torch.stack([weights_without(process, torch.from_numpy(removed)) for removed in groups])
        start = self.base.first, self.base.load(self.base.first)
        last_epoch = process.steps - process.steps_per_epoch
        losses: list[Tensor] = []
        kept: list[Tensor] = []

        def observe(step: int, batch_losses: Tensor, states: State) -> None:
            if step >= last_epoch:
                losses.append(batch_losses.double())
                kept.append(weights[:, process.index(step)] > 0)

        states = one_by_one(run_together(process, self.base.rates, weights, observe, start))
        final_losses = [float("nan")] * len(groups)
        if losses:
            every, which = torch.cat(losses, 1), torch.cat(kept, 1)
            final_losses = [float(row[chosen].mean()) for row, chosen in zip(every, which, strict=True)]
        return [
            self.measured(state)._replace(final_loss=final_loss)
            for state, final_loss in zip(states, final_losses, strict=True)
        ]

    def _on_the_rest(self, removed: np.ndarray) -> Outcome:
        """Train on the others alone, with the seed's start, and batches, steps and a schedule of their own."""
        base = self.base
        if base.data is None:
            raise StudyError("a training on a subset was asked for, and the trajectory came without its data")
        left = keep_samples(base.data, np.setdiff1d(np.arange(base.process.samples), removed))
        process = build_process(
            replace(base.process.settings, seed=base.process.seed), left, base.process.given
        )
        if self._draw.moved:
            process = moved_process(process, self._draw.moved)
        state = train(process, left.validation)[0]
        loss, _ = evaluate(process, state, process.inputs, process.targets)
        return self.measured(state)._replace(final_loss=loss)

    def first_step(self, removed: np.ndarray) -> int:
        """The last checkpoint before which the run saw none of ``removed``: until there both trainings are
        one.

        At most the start of the last epoch, whose losses are wanted whole, and not before the window.
        """
        process, first = self.base.process, self.base.first
        met = np.isin(process.table[first:], removed).any(axis=1)
        step = first + int(met.argmax()) if met.any() else process.steps
        step = max(min(step, process.steps - process.steps_per_epoch), first)
        return max(c for c in self.base.checkpoints if c <= step)

    def measured(self, state: State) -> Outcome:
        """Query values and the test split's metric at a state, without a final loss; one forward pass over each
        split.
        """
        logits = self.queries.logits(state)
        if "test" in logits:
            measure = MEASURES[self.base.process.metric]
            metric = measure.value(measure.sums(logits["test"], self._targets), len(self._targets))
        else:
            _, metric = evaluate(self.base.process, state, self._inputs, self._targets)
        return Outcome(self.queries.values(state, logits).cpu().numpy(), metric, float("nan"))
