"""Queries: scalar functions f_q of a run's final state, whose change under removal of samples is asked for.

Kinds: ``mean_loss``, ``class_loss`` (one query per class), ``sample_loss`` and ``sample_margin`` (one query
per sample), on the validation, test or training split. A loss query has the training loss's unit; a margin is
a log-odds, so a helpful sample lowers it when removed. All queries are evaluated in evaluation mode, so batch
norm's running averages count. ``sample_loss`` on the training split includes each sample's self-influence, as
the contribution of n to query train_sample_n.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hydra_steps.data import RunData
from hydra_steps.errors import StudyError
from hydra_steps.process.process import Process
from hydra_steps.process.running import evaluation_chunk
from hydra_steps.process.state import State
from hydra_steps.tasks.losses import margins

KINDS = ("mean_loss", "class_loss", "sample_loss", "sample_margin")


@dataclass(frozen=True)
class Query:
    """One scalar query: the mean of ``kind``'s quantity over ``index`` [m] of ``split``."""

    name: str
    kind: str
    split: str
    index: np.ndarray


def expand_queries(specs: Sequence[Mapping[str, Any]], data: RunData) -> list[Query]:
    """The queries of a configuration, in its order.

    Raises :class:`StudyError` for a position outside its split, an empty class, or a name that comes twice.
    """
    queries: list[Query] = []
    for spec in specs:
        kind, split = spec["kind"], spec.get("split", "test")
        labels = getattr(data, split).labels
        if kind == "mean_loss":
            queries.append(Query(f"{split}_mean", kind, split, np.arange(len(labels))))
        elif kind == "class_loss":
            for label in range(len(data.classes)):
                members = np.flatnonzero(labels == label)
                if not len(members):
                    raise StudyError(f"class_loss on the {split} split: class {label} has no sample there")
                queries.append(Query(f"{split}_class_{label}", kind, split, members))
        elif kind in KINDS:
            noun = "sample" if kind == "sample_loss" else "margin"
            chosen = spec.get("samples")
            chosen = range(int(spec.get("count") or 0)) if chosen is None else chosen
            for position in chosen:
                if not 0 <= position < len(labels):
                    raise StudyError(
                        f"queries name sample {position} of the {split} split",
                        f"a position from 0 to {len(labels) - 1}",
                        f"choose another sample or raise data.{split}",
                    )
                queries.append(Query(f"{split}_{noun}_{position}", kind, split, np.array([position])))
        else:
            raise StudyError(f"query kind {kind!r} is unknown", f"one of {', '.join(KINDS)}")
    names = [q.name for q in queries]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise StudyError(
            f"queries name {', '.join(twice)} more than once", "each query once", "remove the repetition"
        )
    if any(not len(q.index) for q in queries):
        raise StudyError(
            "a mean_loss query is asked of an empty split", fix="give the split samples, or drop the query"
        )
    return queries


class QuerySet:
    """The queries of a study bound to a process: values and gradients at a state.

    ``names`` [q]. Gradients cost one backward pass per query, over the query's samples only.
    """

    def __init__(self, queries: Sequence[Query], data: RunData, process: Process) -> None:
        self.queries = list(queries)
        self.names = [q.name for q in self.queries]
        self._process = process
        self._images: dict[str, Tensor] = {}
        self._labels: dict[str, Tensor] = {}
        for split in sorted({q.split for q in self.queries}):
            part = getattr(data, split)
            self._images[split] = torch.tensor(part.images).to(process.device, process.dtype)
            self._labels[split] = torch.tensor(part.labels).to(process.device)

    def __len__(self) -> int:
        return len(self.queries)

    def _quantity(self, query: Query, logits: Tensor, labels: Tensor) -> Tensor:
        if query.kind == "sample_margin":
            return margins(logits, labels)
        return self._process.loss.values(logits, labels)

    def samples(self, query: Query) -> tuple[Tensor, Tensor]:
        """The images [m, channels, h, w] and labels [m] that the query looks at."""
        index = torch.from_numpy(query.index).to(self._process.device)
        return self._images[query.split][index], self._labels[query.split][index]

    def _parts(self, query: Query) -> list[tuple[Tensor, Tensor]]:
        index = torch.from_numpy(query.index).to(self._process.device)
        images, labels = self._images[query.split], self._labels[query.split]
        chunk = evaluation_chunk(self._process.device)
        return [(images[part], labels[part]) for part in index.split(chunk)]

    @torch.no_grad()
    def logits(self, state: State) -> dict[str, Tensor]:
        """Logits [m, c] of every split that some query looks at. One forward pass over each."""
        model, chunk = self._process.model, evaluation_chunk(self._process.device)
        return {
            split: torch.cat([model.logits(state.parameters, state.buffers, i) for i in images.split(chunk)])
            for split, images in self._images.items()
        }

    @torch.no_grad()
    def values(self, state: State, logits: Mapping[str, Tensor] | None = None) -> Tensor:
        """f_q(s) for all queries: [q] float64; ``logits`` spares the forward passes where they were made."""
        logits = self.logits(state) if logits is None else logits
        values = []
        for query in self.queries:
            index = torch.from_numpy(query.index).to(self._process.device)
            chosen = logits[query.split][index], self._labels[query.split][index]
            values.append(self._quantity(query, *chosen).double().mean())
        return torch.stack(values) if values else torch.zeros(0, dtype=torch.float64)

    def value(self, query: Query, parameters: Tensor, buffers: Tensor) -> Tensor:
        """f_q as a differentiable scalar of the parameters [p] and buffers [r]."""
        total = torch.zeros((), device=self._process.device, dtype=self._process.dtype)
        for images, labels in self._parts(query):
            logits = self._process.model.logits(parameters, buffers, images)
            total = total + self._quantity(query, logits, labels).sum()
        return total / len(query.index)

    def cotangents(self, state: State) -> State:
        """∂f_q/∂s: parameters [q, p], slots [q, slot, p] (zero), buffers [q, r]."""
        rows, buffer_rows = [], []
        for query in self.queries:
            row, buffer_row = torch.zeros_like(state.parameters), torch.zeros_like(state.buffers)
            for images, labels in self._parts(query):
                parameters = state.parameters.detach().requires_grad_()
                buffers = state.buffers.detach().requires_grad_()
                logits = self._process.model.logits(parameters, buffers, images)
                total = self._quantity(query, logits, labels).sum() / len(query.index)
                by_parameters, by_buffers = torch.autograd.grad(
                    total, (parameters, buffers), allow_unused=True
                )
                row += by_parameters
                buffer_row += 0 if by_buffers is None else by_buffers
            rows.append(row)
            buffer_rows.append(buffer_row)
        parameters_bar = torch.stack(rows) if rows else state.parameters.new_zeros(0, len(state.parameters))
        buffers_bar = torch.stack(buffer_rows) if rows else state.buffers.new_zeros(0, len(state.buffers))
        return State(parameters_bar, parameters_bar.new_zeros(len(rows), *state.slots.shape), buffers_bar)
