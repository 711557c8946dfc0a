"""A recorded training run: its process, rates and checkpoints, with every state between them by replay.

States that are not stored are recomputed by running Φ over one segment at a time, and the end of each replayed
segment is compared bit by bit with the next stored checkpoint, so memory is O(segment) and nothing computed
from a trajectory rests on states that differ from those that were trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hydra_steps.config.windows import window_start
from hydra_steps.data import RunData
from hydra_steps.errors import StudyError
from hydra_steps.models.take_over import take_over
from hydra_steps.process.building import build_process, load_data
from hydra_steps.process.compute import prepare_compute
from hydra_steps.process.process import Process
from hydra_steps.process.running import own_rates, run
from hydra_steps.process.seen import seen
from hydra_steps.process.state import State
from hydra_steps.trajectory.arrays import states_at_once
from hydra_steps.trajectory.same_process import circumstances, trained_process
from hydra_steps.trajectory.store import TrajectoryStore
from hydra_steps.trajectory.training import versions


@dataclass(frozen=True)
class Segment:
    """States before the steps ``start`` … ``stop − 1``: ``states[i]`` is s_{start+i}."""

    start: int
    states: list[State]

    @property
    def stop(self) -> int:
        return self.start + len(self.states)


@dataclass
class Trajectory:
    """See the module's docstring.

    ``rates`` [t] are the learning rates that the base run took, ``checkpoints`` the sorted stored steps (0 and
    T among them), ``load`` reads a stored state. ``tolerance`` None demands bit-equal replay; a number allows
    that absolute difference and collects the largest in ``largest_deviation``. ``weights`` [n] are the run's
    data weights.
    """

    process: Process
    rates: Sequence[float]
    checkpoints: Sequence[int]
    load: Callable[[int], State]
    weights: Tensor | None = None
    tolerance: float | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    largest_deviation: float = 0.0
    data: RunData | None = None
    store: TrajectoryStore | None = None

    @property
    def steps(self) -> int:
        """T, the number of training steps."""
        return self.process.steps

    @property
    def digest(self) -> str:
        """The digest that names the content of the store that was opened; an empty text for one in memory."""
        return self.store.digest if self.store else ""

    @property
    def final_state(self) -> State:
        """s_T as it is looked at, with the moving average for its parameters where one is kept."""
        return seen(self.process, self.load(self.steps))

    def state(self, step: int) -> State:
        """s_step, stored or replayed from the checkpoint before it."""
        if not 0 <= step <= self.steps:
            raise StudyError(f"state {step} was asked for", f"a step from 0 to {self.steps}")
        start = max(c for c in self.checkpoints if c <= step)
        return run(self.process, self.load(start), self.rates, start, step, self.weights)

    def state_dict(self, step: int) -> dict[str, Tensor]:
        """The model's ordinary ``state_dict`` at s_step, of the moving average where one is kept."""
        state = seen(self.process, self.state(step))
        return self.process.model.state_dict(state.parameters, state.buffers)

    def model_at(self, step: int) -> nn.Module:
        """An ordinary ``nn.Module`` with the parameters and buffers of s_step, in evaluation mode."""
        module = take_over(self.process.new_module(weights=False))
        module.to(self.process.device, self.process.dtype).load_state_dict(self.state_dict(step))
        return module.eval()

    def until(self, step: int) -> Trajectory:
        """The same training ended after ``step`` steps, a whole number of epochs: its final state is s_step.

        The rates stay those of the whole run. A state that is not stored is replayed once, here. Raises
        :class:`StudyError` for a step that no epoch ends with.
        """
        each = self.process.steps_per_epoch
        if not 0 < step <= self.steps or step % each:
            raise StudyError(
                f"the training was to be looked at after step {step}",
                f"the end of an epoch: a multiple of {each} up to {self.steps}",
            )
        if step == self.steps:
            return self
        end, load = self.state(step), self.load
        return replace(
            self,
            process=self.process.until(step),
            rates=list(self.rates)[:step],
            checkpoints=[*(c for c in self.checkpoints if c < step), step],
            load=lambda wanted: end if wanted == step else load(wanted),
        )

    @property
    def first(self) -> int:
        """The first step from which states are known and data weights count: 0, or the start of a window."""
        return self.checkpoints[0]

    def since(self, step: int) -> Trajectory:
        """The same training looked at from s_step on: it has no state before that.

        A state that is not stored is replayed once, here. Raises :class:`StudyError` for a step that the training
        does not have.
        """
        if not self.first <= step < max(self.steps, 1):
            raise StudyError(
                f"the training was to be looked at from step {step} on",
                f"a step from {self.first} to {self.steps - 1}",
            )
        if step == self.first:
            return self
        start, load = self.state(step), self.load
        return replace(
            self,
            checkpoints=[step, *(c for c in self.checkpoints if c > step)],
            load=lambda wanted: start if wanted == step else load(wanted),
        )

    def within(self, window: Mapping[str, int] | None) -> Trajectory:
        """The same training looked at in a window (:mod:`hydra_steps.config.windows`); all of it for None."""
        return self.since(window_start(window, self.process.epochs, self.steps))

    def segments(self, reverse: bool = False) -> Iterator[Segment]:
        """All steps in segments, forwards or backwards; each segment's states are in forward order."""
        pieces: list[tuple[int, int]] = []
        most = states_at_once(self.process.bytes_per_state)
        for start, stop in zip(self.checkpoints, self.checkpoints[1:], strict=False):
            joins = pieces and stop - start == 1 and self._stored(pieces[-1]) and start - pieces[-1][0] < most
            if joins:
                pieces[-1] = (pieces[-1][0], stop)
            else:
                pieces.append((start, stop))
        for start, stop in reversed(pieces) if reverse else pieces:
            if self._stored((start, stop)):
                yield Segment(start, [self.load(step) for step in range(start, stop)])
            else:
                yield self._replay(start, stop)

    def _stored(self, piece: tuple[int, int]) -> bool:
        """Whether every state of the piece is a checkpoint."""
        index = int(np.searchsorted(self.checkpoints, piece[0]))
        return index + piece[1] - piece[0] < len(self.checkpoints) and (
            self.checkpoints[index + piece[1] - piece[0]] == piece[1]
        )

    def _replay(self, start: int, stop: int) -> Segment:
        states = [self.load(start)]

        def keep(step: int, state: State, *_: Any) -> None:
            states.append(state)

        run(self.process, states[0], self.rates, start, stop, self.weights, keep)
        end, stored = states.pop(), self.load(stop)
        if not end.equal(stored):
            difference = end.largest_difference(stored)
            finite = all(bool(torch.isfinite(part).all()) for part in end)
            if self.tolerance is None or not difference <= self.tolerance or not finite:
                raise StudyError(
                    f"replay of steps {start} to {stop} ends {difference:.3g} away from the checkpoint of step {stop}",
                    "the same bits" if self.tolerance is None else f"at most {self.tolerance:g}",
                    f"run on the machine, threads and versions of the training ({self._trained_on()}), train again, "
                    "or set trajectory.replay to {tolerant: 1e-6}",
                )
            self.largest_deviation = max(self.largest_deviation, difference)
        return Segment(start, states)

    def _trained_on(self) -> str:
        told = self.attributes
        then = circumstances(told.get("device", "?"), told.get("threads", "?"), told.get("versions", {}))
        now = circumstances(self.process.device, torch.get_num_threads(), versions())
        return f"{then}; now: {now}"

    def from_seed(self, seed: int) -> Trajectory:
        """The run's training from another seed (start, order and noise): its process and rates, and no state but s_0.

        Cost: nothing, or one training where the rates or the last step depend on the validation loss.
        """
        if self.data is None:
            raise StudyError(
                "a training from another seed was asked for, and the trajectory came without its data"
            )
        process = build_process(replace(self.process.settings, seed=seed), self.data, self.process.given)
        rates = own_rates(process, self.data.validation)
        process = process.until(len(rates))
        return Trajectory(process, rates, [0], lambda step: process.initial_state(), data=self.data)

    @classmethod
    def in_memory(
        cls,
        process: Process,
        rates: Sequence[float],
        keep: Sequence[int] | None = None,
        weights: Tensor | None = None,
        start: tuple[int, State] | None = None,
        data: RunData | None = None,
    ) -> Trajectory:
        """Train now and keep the states of the steps ``keep`` (all by default) in memory.

        ``start``: the step and the state from which on it is trained; by default from the initial one.
        """
        first, state = (0, process.initial_state()) if start is None else start
        wanted = set(range(process.steps + 1) if keep is None else keep) | {process.steps}
        states = {first: state}

        def store(step: int, state: State, *_: Any) -> None:
            if step + 1 in wanted:
                states[step + 1] = state

        states[process.steps] = run(process, state, rates, first, weights=weights, observe=store)
        return cls(process, rates, sorted(states), states.__getitem__, weights, data=data)

    @classmethod
    def open(cls, folder: str | Path, data: RunData | None = None) -> Trajectory:
        """Open the store in ``folder`` and bind it to the data that it was trained on, by default read from
        its run.

        Raises :class:`StudyError` for a store that is incomplete, damaged, of another schema version, or trained on
        other data or labels.
        """
        store = TrajectoryStore.open(Path(folder))
        attributes, settings = store.attributes, store.settings
        if data is None:
            run_folder = Path(folder).parent
            data = load_data(settings, run_folder / "splits.csv", run_folder / "labels.csv")
        process = trained_process(store, data, folder)

        def load(step: int) -> State:
            parts = (torch.from_numpy(np.array(part)) for part in store.state(step))
            return State(*(part.to(process.device, process.dtype) for part in parts))

        replay = settings.trajectory.replay
        tolerance = float(replay["tolerant"]) if isinstance(replay, dict) else None
        return cls(
            process,
            store.learning_rates.tolist(),
            [int(c) for c in store.checkpoints],
            load,
            tolerance=tolerance,
            attributes=dict(attributes),
            data=data,
            store=store,
        )


def open_run(trajectory: str | Path, splits: str | Path, labels: str | Path) -> tuple[Trajectory, RunData]:
    """Open a run's trajectory and its data, once torch is prepared as the run asks. Errors: :meth:`Trajectory.open`."""
    settings = TrajectoryStore.open(Path(trajectory)).settings
    prepare_compute(settings.compute)
    data = load_data(settings, splits, labels)
    return Trajectory.open(trajectory, data), data
