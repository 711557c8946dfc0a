"""A study's queries bound to a process: values and gradients at a state.

All queries are evaluated in evaluation mode, so batch norm's running averages count, and at the moving average of the
parameters where the training keeps one (:mod:`hydra_steps.process.seen`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from hydra_steps.data import RunData
from hydra_steps.errors import StudyError
from hydra_steps.process.process import Process
from hydra_steps.process.running import evaluation_chunk
from hydra_steps.process.seen import cotangents_of_seen, seen
from hydra_steps.process.state import State
from hydra_steps.queries.expansion import expand
from hydra_steps.queries.query import Query
from hydra_steps.registry import load


def expand_queries(specs: Sequence[Mapping[str, Any]], data: RunData) -> list[Query]:
    """Return the queries of a study's section ``queries`` on a run's data; errors as in :func:`expand`."""
    sizes = {split: len(getattr(data, split).targets) for split in ("train", "validation", "test")}
    return expand(specs, len(data.outputs), sizes, data.classes)


class QuerySet:
    """The queries of a study bound to a process: values and gradients at a state.

    ``names`` [q]. Gradients cost one backward pass per query, over the query's samples only. Raises
    :class:`StudyError` for a class without samples.
    """

    def __init__(self, queries: Sequence[Query], data: RunData, process: Process) -> None:
        self.queries = list(queries)
        self.names = [q.name for q in self.queries]
        self._process = process
        self._inputs: dict[str, Tensor] = {}
        self._targets: dict[str, Tensor] = {}
        for split in sorted({q.split for q in self.queries}):
            part = getattr(data, split)
            self._inputs[split] = process.place(part.inputs)
            self._targets[split] = process.place(part.targets)
        self._positions = {q.name: self._asked(q) for q in self.queries}
        self._kinds = {q.kind: load("query", q.kind) for q in self.queries}

    def __len__(self) -> int:
        return len(self.queries)

    def _asked(self, query: Query) -> Tensor:
        """The positions in the split [m] of the samples that the query looks at."""
        targets = self._targets[query.split]
        if query.is_single:
            return torch.tensor([query.position], device=targets.device)
        if query.is_mean:
            return torch.arange(len(targets), device=targets.device)
        found = targets.eq(query.index or 0).nonzero().flatten()
        if not len(found):
            raise StudyError(
                f"{query.kind} on the {query.split} split: class {query.index} has no sample there",
                "at least 1 sample of each class",
                f"raise data.{query.split}, or drop the query",
            )
        return found

    def _quantity(self, query: Query, logits: Tensor, targets: Tensor) -> Tensor:
        values: Tensor = self._kinds[query.kind](logits, targets, self._process.loss, **query.options)
        return values

    def samples(self, query: Query) -> tuple[Tensor, Tensor]:
        """The inputs [m, …] and targets [m, …] that the query looks at."""
        index = self._positions[query.name]
        return self._inputs[query.split][index], self._targets[query.split][index]

    def _parts(self, query: Query) -> list[tuple[Tensor, Tensor]]:
        index = self._positions[query.name]
        inputs, targets = self._inputs[query.split], self._targets[query.split]
        chunk = evaluation_chunk(self._process.device)
        return [(inputs[part], targets[part]) for part in index.split(chunk)]

    @torch.no_grad()
    def logits(self, state: State) -> dict[str, Tensor]:
        """Logits [m, c] of every split that some query looks at. One forward pass over each."""
        model, chunk = self._process.model, evaluation_chunk(self._process.device)
        state = seen(self._process, state)
        return {
            split: torch.cat([model.logits(state.parameters, state.buffers, i) for i in inputs.split(chunk)])
            for split, inputs in self._inputs.items()
        }

    @torch.no_grad()
    def values(self, state: State, logits: Mapping[str, Tensor] | None = None) -> Tensor:
        """f_q(s) for all queries: [q] float64; ``logits`` spares the forward passes where they were made."""
        logits = self.logits(state) if logits is None else logits
        values = []
        for query in self.queries:
            index = self._positions[query.name]
            chosen = logits[query.split][index], self._targets[query.split][index]
            values.append(self._quantity(query, *chosen).double().mean())
        return torch.stack(values) if values else torch.zeros(0, dtype=torch.float64)

    def value(self, query: Query, parameters: Tensor, buffers: Tensor) -> Tensor:
        """f_q as a differentiable scalar of the parameters [p] and buffers [r]."""
        total = torch.zeros((), device=self._process.device, dtype=self._process.dtype)
        for inputs, targets in self._parts(query):
            logits = self._process.model.logits(parameters, buffers, inputs)
            total = total + self._quantity(query, logits, targets).sum()
        return total / len(self._positions[query.name])

    def cotangents(self, state: State) -> State:
        """∂f_q/∂s: parameters [q, p], slots [q, slot, p] (zero but for a moving average), buffers [q, r]."""
        return cotangents_of_seen(self._process, *self._gradients(state))

    def gradients(self, state: State) -> Tensor:
        """∂f_q/∂θ [q, p] by the parameters that the queries look at."""
        return self._gradients(state)[0]

    def _gradients(self, state: State) -> tuple[Tensor, Tensor]:
        """The gradients by what is looked at: parameters [q, p] and buffers [q, r]."""
        state, rows, buffer_rows = seen(self._process, state), [], []
        for query in self.queries:
            row, buffer_row = torch.zeros_like(state.parameters), torch.zeros_like(state.buffers)
            for inputs, targets in self._parts(query):
                parameters = state.parameters.detach().requires_grad_()
                buffers = state.buffers.detach().requires_grad_()
                logits = self._process.model.logits(parameters, buffers, inputs)
                total = self._quantity(query, logits, targets).sum() / len(self._positions[query.name])
                by_parameters, by_buffers = torch.autograd.grad(
                    total, (parameters, buffers), allow_unused=True
                )
                row += by_parameters
                buffer_row += 0 if by_buffers is None else by_buffers
            rows.append(row)
            buffer_rows.append(buffer_row)
        parameters_bar = torch.stack(rows) if rows else state.parameters.new_zeros(0, len(state.parameters))
        buffers_bar = torch.stack(buffer_rows) if rows else state.buffers.new_zeros(0, len(state.buffers))
        return parameters_bar, buffers_bar

    def directions(self, state: State) -> tuple[Tensor, Tensor]:
        """∇f_q(θ) = s_q u_q: directions u [q, p] and sizes s [q] float64.

        Of queries that ask about the training loss both are right however small the gradient is, where
        :meth:`gradients` no longer tells it from 0. Cost: two backward passes per query.
        """
        state = seen(self._process, state)
        rows = list(self.gradients(state))
        sizes = torch.ones(len(rows), dtype=torch.float64, device=state.parameters.device)
        for place, query in enumerate(self.queries):
            found = self._loss_direction(query, state)
            if found is not None:
                rows[place], sizes[place] = found
        return torch.stack(rows) if rows else state.parameters.new_zeros(0, len(state.parameters)), sizes

    def _loss_direction(self, query: Query, state: State) -> tuple[Tensor, float] | None:
        """Σ_m (s_m / max s) J_mᵀ δ_m [p] with the losses' directions δ_m, of size s_m, and (max s) / M.

        None for a query that asks about something else than the training loss.
        """
        model, loss = self._process.model, self._process.loss
        leaf = state.parameters.detach().requires_grad_()
        row, largest = torch.zeros_like(state.parameters), -torch.inf  # the logarithm of max s
        for inputs, targets in self._parts(query):
            logits = model.logits(leaf, state.buffers, inputs)
            known = logits.detach()
            if not torch.equal(self._quantity(query, known, targets), loss.values(known, targets)):
                return None
            direction, size = loss.direction(known, targets)
            before, largest = largest, max(largest, size.max().item())
            if largest > before:
                row *= math.exp(before - largest)
            share = torch.where(size > -torch.inf, (size - largest).exp(), 0)
            (part,) = torch.autograd.grad(logits, leaf, (share[:, None] * direction).to(logits))
            row += part
        return row, math.exp(largest) / len(self._positions[query.name])
