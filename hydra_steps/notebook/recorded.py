"""Anyone's training step, recorded: contributions by the exact reverse sweep through it, and real re-training.

A step is a pure function ``(state, batch, weights) → state``. The state is a tensor or a nest of dicts, lists and
tuples of tensors; whatever changes from step to step stands in it (parameters, momentum, averages, a counter), and
nothing else changes. ``weights`` [n] are the data weights of all samples, ones in the training itself; the step
multiplies each sample's loss with its weight. A removed sample has weight 0.

The step is tried first: the same step twice must give the same bits and leave its arguments as they were, and its
derivative must be that of real small changes. Index letters: t steps, n samples, q queries, g groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isqrt
from typing import Any

import torch
import xarray as xr
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

from hydra_steps.errors import StudyError
from hydra_steps.notebook.arrays import changes_array, contributions_array
from hydra_steps.progress import Progress

Step = Callable[[Any, Any, Tensor], Any]
Query = Callable[[Any], Tensor]


def record(
    step: Step, state: Any, batches: Sequence[Any], samples: int, keep: int | None = None, trial: bool = True
) -> Recorded:
    """Train by ``step`` from ``state`` over ``batches``, and keep what scores need.

    ``samples``: n, how many data weights there are. Every ``keep``-th state is kept, by default one in √T; those
    between are computed again. ``trial``: try the step first, at the cost of half a dozen steps. Cost: one training,
    and memory for the states that are kept.

    Raises :class:`StudyError` for a step that is not pure, does not use the weights, or whose derivative is not that of
    real small changes, as where a gradient was taken without its graph.
    """
    leaves, shape = tree_flatten(state)
    if not leaves or not all(isinstance(leaf, Tensor) for leaf in leaves):
        raise StudyError(
            "the state of the recorded training holds "
            + ", ".join(sorted({type(leaf).__name__ for leaf in leaves})),
            "tensors, in dicts, lists and tuples",
            "make a tensor of each number that changes from step to step",
        )
    if not batches:
        raise StudyError("a training of no steps was to be recorded", "one batch or more")
    initial = [leaf.detach().clone() for leaf in leaves]
    made = Recorded(step, shape, list(batches), samples, keep or max(1, isqrt(len(batches))), {0: initial})
    if trial:
        _try(made, initial)
    made.kept.update(made.states(0, len(batches), made.ones()))
    return made


@dataclass
class Recorded:
    """A training that was recorded by :func:`record`."""

    step: Step
    shape: Any
    batches: list[Any]
    samples: int
    keep: int
    kept: dict[int, list[Tensor]] = field(repr=False)

    @property
    def steps(self) -> int:
        """T"""
        return len(self.batches)

    @property
    def final(self) -> Any:
        """The state at the end."""
        return self.state(self.steps)

    def state(self, step: int) -> Any:
        """The state after so many steps, kept or computed again."""
        start = max(kept for kept in self.kept if kept <= step)
        return self._whole(
            self.states(start, step, self.ones(), every=step)[step] if step > start else self.kept[start]
        )

    def ones(self) -> Tensor:
        """The data weights [n] of the training itself."""
        real = [leaf for leaf in self.kept[0] if leaf.is_floating_point()]
        return torch.ones(self.samples, dtype=real[0].dtype, device=real[0].device)

    def scores(self, queries: Query | Mapping[str, Query]) -> xr.DataArray:
        """Exact contributions −∂f_q/∂w_n [query, sample] to functions of the final state, float64; positive helps.

        A query maps a state to a number. Cost: for each query one pass back through the training, and one training.
        """
        named = named_queries(queries)
        bars = [_gradients(query(self._whole(leaves)), leaves) for query, leaves in self._ends(named)]
        values = torch.zeros(len(named), self.samples, dtype=torch.float64)
        with Progress(total=self.steps, desc="sweep", unit="step", mininterval=1) as shown:
            for start in sorted((step for step in self.kept if step < self.steps), reverse=True):
                stop = min(step for step in self.kept if step > start)
                states = {start: self.kept[start], **self.states(start, stop, self.ones(), every=1)}
                for step in range(stop - 1, start - 1, -1):
                    self._pull(step, states[step], bars, values)
                    shown.update()
        return contributions_array(values.numpy(), list(named))

    def retrain(self, weights: Tensor) -> Any:
        """The final state of the same training with data ``weights`` [n]. Cost: one training."""
        return self._whole(self.states(0, self.steps, weights.to(self.ones()), every=self.steps)[self.steps])

    def retrain_without(
        self, groups: Sequence[Sequence[int]], queries: Query | Mapping[str, Query]
    ) -> xr.DataArray:
        """What the queries really change by when a group's weights are 0 [group, query], float64.

        Cost: one training a group.
        """
        named = named_queries(queries)
        base = [float(query(self.final)) for query in named.values()]
        rows = []
        for group in Progress(groups, desc="re-training", unit="group", mininterval=1):
            weights = self.ones()
            weights[torch.as_tensor(list(group), dtype=torch.int64)] = 0
            end = self.retrain(weights)
            rows.append(
                [float(query(end)) - before for query, before in zip(named.values(), base, strict=True)]
            )
        return changes_array(rows, list(named))

    def states(
        self, start: int, stop: int, weights: Tensor, every: int | None = None
    ) -> dict[int, list[Tensor]]:
        """The leaves of the states after ``start`` up to ``stop``: every so-manieth and the last."""
        every, leaves, found = every or self.keep, self.kept[start], {}
        for step in range(start, stop):
            leaves = self.leaves_after(step, leaves, weights)
            if (step + 1) % every == 0 or step + 1 == stop:
                found[step + 1] = leaves
        return found

    def leaves_after(self, step: int, leaves: Sequence[Tensor], weights: Tensor) -> list[Tensor]:
        """One step, without a graph."""
        after, shape = tree_flatten(self.step(self._whole(leaves), self.batches[step], weights))
        if shape != self.shape or any(a.shape != b.shape for a, b in zip(after, leaves, strict=True)):
            raise StudyError(
                f"step {step} of the recorded training returns another form than it is given: {shape}",
                f"a state like the one before it: {self.shape}",
                "return all that the state holds, in the same places",
            )
        return [leaf.detach() for leaf in after]

    def _whole(self, leaves: Sequence[Tensor]) -> Any:
        return tree_unflatten(list(leaves), self.shape)

    def _ends(self, named: Mapping[str, Query]) -> list[tuple[Query, list[Tensor]]]:
        """Each query with leaves of the final state that a gradient can be asked of."""
        end = self.kept[self.steps]
        return [(query, [_leaf(part) for part in end]) for query in named.values()]

    def _pull(self, step: int, leaves: Sequence[Tensor], bars: list[list[Tensor]], values: Tensor) -> None:
        """Take the cotangents ``bars`` of all queries back over one step; what it gives goes to ``values`` [q, n]."""
        before, weights = [_leaf(part) for part in leaves], self.ones().requires_grad_()
        after = tree_flatten(self.step(self._whole(before), self.batches[step], weights))[0]
        asked = [part for part in before if part.requires_grad]
        for place, bar in enumerate(bars):
            pairs = [(a, b) for a, b in zip(after, bar, strict=True) if a.requires_grad]
            found = torch.autograd.grad(
                [a for a, _ in pairs],
                [weights, *asked],
                [b for _, b in pairs],
                retain_graph=True,
                allow_unused=True,
            )
            if found[0] is not None:
                values[place] -= found[0].double().cpu()
            given = iter(found[1:])
            bars[place] = [_or_zeros(next(given) if part.requires_grad else None, part) for part in before]


def named_queries(queries: Query | Mapping[str, Query]) -> dict[str, Query]:
    """Return queries by name; a single one is called by its own."""
    return dict(queries) if isinstance(queries, Mapping) else {getattr(queries, "__name__", "query"): queries}


def _leaf(part: Tensor) -> Tensor:
    return part.detach().requires_grad_() if part.is_floating_point() else part


def _or_zeros(found: Tensor | None, like: Tensor) -> Tensor:
    return torch.zeros_like(like) if found is None else found


def _gradients(value: Tensor, leaves: Sequence[Tensor]) -> list[Tensor]:
    """∂value/∂leaves, zeros where it does not depend on them."""
    asked = [leaf for leaf in leaves if leaf.requires_grad]
    found = iter(
        torch.autograd.grad(value, asked, allow_unused=True) if value.requires_grad else [None] * len(asked)
    )
    return [_or_zeros(next(found) if leaf.requires_grad else None, leaf) for leaf in leaves]


def _try(made: Recorded, initial: Sequence[Tensor]) -> None:
    """Raise :class:`StudyError` for a first step that is impure, leaves the weights out, or has no right derivative."""
    weights, kept = made.ones(), [leaf.clone() for leaf in initial]
    first, second = (made.leaves_after(0, initial, weights) for _ in range(2))
    if not all(torch.equal(a, b) for a, b in zip(initial, kept, strict=True)):
        raise StudyError(
            "the recorded step changes the state that it is given",
            "a step that returns new tensors",
            "write x = x - rate * g in place of x.sub_(…), and copy a module's buffers before they are updated",
        )
    if not all(torch.equal(a, b) for a, b in zip(first, second, strict=True)):
        raise StudyError(
            "the same recorded step twice gives two different states",
            "a step that follows from its arguments alone",
            "draw random numbers (dropout, augmentation) from a generator that is seeded by the batch",
        )
    generator = torch.Generator().manual_seed(0)

    def draw(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=generator, dtype=like.dtype).to(like.device)

    bars = [draw(leaf) if leaf.is_floating_point() else torch.zeros_like(leaf) for leaf in first]
    values, along = torch.zeros(1, made.samples, dtype=torch.float64), draw(weights)
    pulled = [bars]
    made._pull(0, initial, pulled, values)
    if not values.any():
        raise StudyError(
            "the recorded step does not depend on the data weights",
            "each sample's loss times its weight",
            "multiply the losses by weights[index], and take the gradient with create_graph=True or torch.func.grad",
        )
    moves = [draw(leaf) * leaf.abs().mean() if leaf.is_floating_point() else None for leaf in initial]
    predicted = -float(values[0] @ along.double().cpu())
    predicted += sum(float((b * m).sum()) for b, m in zip(pulled[0], moves, strict=True) if m is not None)
    width = 1e-5 if weights.dtype == torch.float64 else 3e-3

    def value(size: float) -> float:
        moved = [leaf if m is None else leaf + size * m for leaf, m in zip(initial, moves, strict=True)]
        after = made.leaves_after(0, moved, weights + size * along)
        return sum(
            float((b.double() * a.double()).sum())
            for a, b in zip(after, bars, strict=True)
            if a.is_floating_point()
        )

    real = (value(width) - value(-width)) / (2 * width)
    scale = max(abs(real), abs(predicted), 1e-12)
    if abs(real - predicted) > (1e-3 if weights.dtype == torch.float64 else 5e-2) * scale:
        raise StudyError(
            f"the derivative of the recorded step is {predicted:.6g} along a direction in which it really changes by "
            f"{real:.6g}",
            "the same, but for round-off",
            "keep the graph of the gradient (torch.func.grad, or create_graph=True), and detach nothing; a step that "
            "is not smooth may be recorded with trial=False",
        )
