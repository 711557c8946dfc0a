"""The obviously correct twin of every sweep: plain autograd through the whole unrolled training (``create_graph``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from hydra_steps.process.process import Batch, Process
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.process.state import State


def unrolled_final_state(
    process: Process,
    rates: Sequence[float | Tensor],
    weights: Tensor,
    initial: State | None = None,
    plain: Callable[[Tensor, Tensor], Tensor] | None = None,
    **hyper: Tensor,
) -> State:
    """s_T as a differentiable function of the data weights [n] (or [e, n], of each epoch), the rates and the
    optimizer's constants."""
    state = process.initial_state() if initial is None else initial
    parameters, slots, buffers = state
    if not parameters.requires_grad:
        parameters = parameters.clone().requires_grad_()
    for step in range(process.steps):
        batch = process.batch(step)
        of_epoch = weights if weights.ndim == 1 else weights[step // process.steps_per_epoch]
        logits, buffers = process.model.train_logits(
            parameters,
            buffers,
            batch.inputs,
            batch.keys,
            differentiable=True,
            weights=process.statistics_weights(batch, of_epoch),
        )
        losses = _cross_entropy(process, logits, batch) if plain is None else plain(logits, batch.targets)
        loss = (losses * of_epoch[batch.index]).sum() / len(batch)
        (gradient,) = torch.autograd.grad(loss, parameters, create_graph=True)
        parameters, slots = process.optimizer.update(parameters, slots, gradient, rates[step], step, **hyper)
    return State(parameters, slots, buffers)


def _cross_entropy(process: Process, logits: Tensor, batch: Batch) -> Tensor:
    smoothing = getattr(process.loss, "label_smoothing", 0.0)
    return torch.nn.functional.cross_entropy(
        logits, batch.targets, reduction="none", label_smoothing=smoothing
    )


def unrolled_contribution(
    process: Process,
    rates: Sequence[float],
    queries: QuerySet,
    plain: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Tensor:
    """c[q, n] = −∂f_q(s_T)/∂w_n by plain autograd: [q, n] float64; ``plain``: another loss of samples."""
    weights = torch.ones(process.samples, dtype=torch.float64, requires_grad=True)
    state = unrolled_final_state(process, rates, weights, plain=plain)
    rows = []
    for query in queries.queries:
        value = queries.value(query, state.parameters, state.buffers)
        (row,) = torch.autograd.grad(value, weights, retain_graph=True, allow_unused=True)
        rows.append(torch.zeros_like(weights) if row is None else -row)
    return torch.stack(rows)
