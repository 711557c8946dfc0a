"""Brittleness: the smallest group whose removal flips a correct prediction, as each method finds it.

For a test sample that the run gets right, a method lists the training samples that help it most. Removing
the first k of them and re-training (same seed, same order) either flips the prediction or not; k doubles
until it does, and is then bisected. Every k was tried for real, so the answer is an upper bound that the
method has earned. A method that needs fewer samples knows better which ones the prediction hangs on. The
control ``random_order`` takes samples in random order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hydra_steps.config.controls import RANDOM_ORDER
from hydra_steps.counterfactual.bank import Bank, circumstances
from hydra_steps.counterfactual.designs import rank_samples
from hydra_steps.counterfactual.retraining import read_contribution
from hydra_steps.data.seeding import generator_of
from hydra_steps.errors import StudyError
from hydra_steps.process.running import run, weights_without
from hydra_steps.process.seen import seen
from hydra_steps.process.state import State
from hydra_steps.progress import Progress
from hydra_steps.queries.query import Query, flips_prediction, query_from
from hydra_steps.stores import write_store
from hydra_steps.trajectory.trajectory import Trajectory, open_run

SCHEMA_VERSION = 2  # since 2, the attribute ``queries`` says what each query asks, not its name alone
DIMENSIONS = {name: ("query",) for name in ("position", "correct", "smallest", "trainings")}


def find_flips(
    *,
    trajectory: str | Path,
    splits: str | Path,
    labels: str | Path,
    label: str,
    queries: Sequence[Mapping[str, Any]],
    most: float,
    output: str | Path,
    scores: str | Path | None = None,
    bank: str | Path | None = None,
) -> None:
    """Find the smallest flipping group for each of ``queries`` by one method and store them.

    ``queries`` are queries as :meth:`Query.plain` gives them, each about one test sample. Those that the
    run gets wrong, or to which the method's contributions are not finite, are noted and left alone.
    ``label`` is ``random_order`` or the method's whose score folder is ``scores``. At most the share ``most``
    of the training samples is removed. ``bank`` is by default ``.bank`` beside ``output``. Cost: about
    2 log₂ k trainings per query, less those in the bank. Raises :class:`StudyError` for other queries.
    """
    base, data = open_run(trajectory, splits, labels)
    asked = [query_from(fields) for fields in queries]
    positions = [_position(query, len(data.test)) for query in asked]
    images = base.process.place(data.test.inputs[positions])
    truth = data.test.targets[positions]
    identity = {"trajectory": base.digest, "positions": positions}
    kept = Bank(bank or Path(output).parent / ".bank", identity | circumstances(__name__, base.process))

    correct = _predictions(base, base.final_state, images) == truth
    smallest = np.full(len(asked), -1, np.int64)
    trainings = np.zeros(len(asked), np.int64)
    ordered = np.ones(len(asked), bool)
    for i, query in enumerate(Progress(asked, desc=f"flipping by {label}", unit="query", mininterval=2)):
        order = _order(label, query, scores, base) if correct[i] else None
        if order is None:
            ordered[i] = not correct[i]
            continue

        def flips(count: int, i: int = i, order: np.ndarray = order) -> bool:
            removed = np.sort(order[:count])
            entry = kept.get(removed.tolist(), partial(_retrain, base, removed, images))
            trainings[i] += 1
            return bool(entry["prediction"][i] != truth[i])

        smallest[i] = smallest_flip(flips, int(most * len(order)))
    arrays = {"position": np.array(positions, np.int64), "correct": (correct & ordered).astype(np.int64)}
    arrays |= {"smallest": smallest, "trainings": trainings}
    about = {"schema_version": SCHEMA_VERSION, "label": label, "most": most}
    about["queries"] = [query.plain() for query in asked]
    write_store(output, arrays, DIMENSIONS, about | {"trajectory_digest": identity["trajectory"]})


def smallest_flip(flips: Callable[[int], bool], most: int) -> int:
    """Return the smallest k ≤ ``most`` that was seen to flip, or −1; doubling, then bisection to within 5 %.

    Flipping need not be monotone in k, so a smaller group may exist; the one returned does flip.

    >>> smallest_flip(lambda count: count >= 5, 8)
    5
    """
    low, high = 0, 1
    while high < most and not flips(high):
        low, high = high, 2 * high
    if high >= most:
        high = most
        if most < 1 or not flips(most):
            return -1
    while high - low > max(1, high // 20):
        middle = (low + high) // 2
        if flips(middle):
            high = middle
        else:
            low = middle
    return high


def _order(label: str, query: Query, scores: str | Path | None, base: Trajectory) -> np.ndarray | None:
    """Training samples, the most needed first: removal should raise a loss, or lower a margin; None where the
    contributions are not finite."""
    samples = base.process.samples
    if label == RANDOM_ORDER:
        return generator_of(base.process.seed, query.name, 0.0, 0).permutation(samples)
    contribution = read_contribution(scores or "", {"query": query.name})
    if not np.isfinite(contribution).all():
        return None
    side = "most_harmful" if query.quantity == "margin" else "most_helpful"
    return rank_samples(label, side, samples, contribution)


def _retrain(base: Trajectory, removed: np.ndarray, images: torch.Tensor) -> dict[str, Any]:
    weights = weights_without(base.process, torch.from_numpy(removed))
    state = run(base.process, base.process.initial_state(), base.rates, weights=weights)
    return {"prediction": _predictions(base, state, images).tolist()}


@torch.no_grad()
def _predictions(base: Trajectory, state: State, images: torch.Tensor) -> np.ndarray:
    state = seen(base.process, state)
    return base.process.model.logits(state.parameters, state.buffers, images).argmax(-1).cpu().numpy()


def _position(query: Query, samples: int) -> int:
    if not flips_prediction(query) or query.position >= samples:
        raise StudyError(
            f"the query {query.name!r} has no prediction that could flip",
            f"a query about one test sample, from 0 to {samples - 1}",
            "name such queries, and have them among the study's queries",
        )
    return query.position
