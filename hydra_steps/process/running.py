"""Running Φ from a state: training with a record, replay, and counterfactual re-training are this one loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from hydra_steps.data.run_data import Split
from hydra_steps.errors import StudyError
from hydra_steps.process.process import Process
from hydra_steps.process.seen import seen
from hydra_steps.process.state import State
from hydra_steps.tasks.metrics import MEASURES

Observer = Callable[
    [int, State, float, Tensor, Tensor], None
]  # (step, state after it, rate, losses [b], gradient [p])


def run(
    process: Process,
    state: State,
    rates: Sequence[float] | Callable[[int], float],
    first: int = 0,
    last: int | None = None,
    weights: Tensor | None = None,
    observe: Observer | None = None,
) -> State:
    """Apply Φ_first … Φ_{last−1} to ``state`` (= s_first) and return s_last.

    ``rates`` gives the learning rate of each step: the record of the base run, or a schedule while it is being
    made. ``weights`` [n] are the data weights; zeros re-train without those samples, everything else being equal.
    Cost: one training per full run. Deterministic on a given device and thread count.
    """
    rate_of = rates if callable(rates) else rates.__getitem__
    for step in range(first, process.steps if last is None else last):
        rate = rate_of(step)
        state, losses, gradient = process.step(state, step, rate, weights)
        if observe is not None:
            observe(step, state, rate, losses, gradient)
    return state


def train(process: Process, validation: Split) -> tuple[State, list[float]]:
    """The final state of a training with a schedule of its own, and the rates [t] that it took.

    A schedule that reacts, and early stopping, do so to this training's own validation loss: there are as many rates
    as steps. Cost: one training. Raises :class:`StudyError` for early stopping without validation samples.
    """
    schedule, rates, state = process.schedule(), [], process.initial_state()
    patience, losses = process.settings.training.early_stopping, []
    if patience is not None and not len(validation.targets):
        raise StudyError(
            "training.early_stopping looks at the validation loss, and there are no validation samples",
            "a validation split",
            "give validation samples, or leave early_stopping out",
        )
    inputs, targets = process.place(validation.inputs), process.place(validation.targets)

    def rate_of(step: int) -> float:
        rates.append(schedule.rate(step))
        return rates[-1]

    for epoch in range(process.epochs):
        first = epoch * process.steps_per_epoch
        state = run(process, state, rate_of, first, first + process.steps_per_epoch)
        watched = schedule.reacts or patience is not None
        losses.append(evaluate(process, state, inputs, targets)[0] if watched else 0.0)
        schedule.end_epoch(losses[-1])
        if patience is not None and is_over(losses, patience):
            break
    return state, rates


def is_over(losses: Sequence[float], patience: int) -> bool:
    """Whether early stopping ends a training with these validation losses [e] after its epochs so far.

    >>> is_over([0.9, 0.5, 0.6, 0.5], 2), is_over([0.9, 0.5, 0.6, 0.4], 2)
    (True, False)
    """
    return len(losses) > patience and not min(losses[-patience:]) < min(losses[:-patience])


def own_rates(process: Process, validation: Split) -> list[float]:
    """The rates [t] of :func:`train`, one for each step; without a training where nothing reacts to its losses."""
    schedule = process.schedule()
    if schedule.reacts or process.settings.training.early_stopping is not None:
        return train(process, validation)[1]
    rates = []
    for step in range(process.steps):
        rates.append(schedule.rate(step))
        if (step + 1) % process.steps_per_epoch == 0:
            schedule.end_epoch(0.0)
    return rates


def weights_without(process: Process, removed: Sequence[int] | Tensor) -> Tensor:
    """Data weights [n]: 0 for the removed samples, 1 for all others. Raises :class:`StudyError` for unknown samples."""
    index = torch.as_tensor(removed, dtype=torch.int64)
    if len(index) and (int(index.min()) < 0 or int(index.max()) >= process.samples):
        raise StudyError(
            f"samples to remove range from {int(index.min())} to {int(index.max())}",
            f"positions from 0 to {process.samples - 1}",
        )
    weights = torch.ones(process.samples, dtype=process.dtype, device=process.device)
    weights[index.to(process.device)] = 0
    return weights


def retrain(process: Process, rates: Sequence[float], removed: Sequence[int] | Tensor) -> State:
    """The final state of the same training without ``removed``: same seed, order, rates and noise, weights 0."""
    return run(process, process.initial_state(), rates, weights=weights_without(process, removed))


def evaluation_chunk(device: torch.device) -> int:
    """Samples per forward pass: on a processor what its caches hold (twice as fast as 2048), on a GPU many."""
    return 128 if device.type == "cpu" else 4096


@torch.no_grad()
def evaluate(process: Process, state: State, inputs: Tensor, targets: Tensor) -> tuple[float, float]:
    """Mean loss of ``state`` on inputs [n, …] and what its task's metric is there, in evaluation mode; NaN for
    none."""
    if not len(targets):
        return float("nan"), float("nan")
    chunk, state = evaluation_chunk(process.device), seen(process, state)
    loss = torch.zeros((), dtype=torch.float64, device=process.device)
    measure, sums = MEASURES[process.metric], []
    for part, target in zip(inputs.split(chunk), targets.split(chunk), strict=True):
        logits = process.model.logits(state.parameters, state.buffers, part)
        loss += process.loss.values(logits, target).double().sum()
        sums.append(measure.sums(logits, target))
    return loss.item() / len(targets), measure.value(torch.stack(sums).sum(0), len(targets))
