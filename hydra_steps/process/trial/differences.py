"""Differences against derivatives, of one layer by itself; which layer of a model is not differentiated right.

Several widths h are tried, very small ones too, and a little off the point: a ReLU that switches between s − h v and
s + h v is no error, and a large network has one in every interval that is not small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from hydra_steps.process.trial.case import Case
from hydra_steps.process.trial.culprit import Call, watched

WIDTHS, PLACES = (1e-7, 1e-8, 1e-9, 1e-6, 1e-10, 1e-5), (0, 1e-6, -1e-6)
TOLERANCE = 1e-4


def is_derivative(product: float, along: Callable[[float], float], size: float) -> bool:
    """Whether ``product`` is the derivative of ``along`` at 0; ``size`` is that of what it is a product of."""
    differences = ((along(t + h) - along(t - h)) / (2 * h) for t in PLACES for h in WIDTHS)
    return any(abs(product - found) <= TOLERANCE * max(size, abs(found)) for found in differences)


def drawing(seed: int) -> Callable[[Tensor], Tensor]:
    """Random numbers of the shape and place of a tensor."""
    generator = torch.Generator().manual_seed(seed)
    return lambda like: torch.randn(like.shape, dtype=torch.float64, generator=generator).to(like.device)


def first_wrong(case: Case) -> Call | None:
    """The first call of a layer, inner ones first, whose derivatives by themselves are not differences; None where
    each is right."""
    model, state = case.process.model, case.state
    with watched(model.module) as seen:
        model.train_logits(state.parameters, state.buffers, case.whole.inputs, case.whole.keys)
    return next((call for call in seen.calls if not _right(case, call)), None)


def _right(case: Case, call: Call) -> bool:
    """Whether one call of a layer is differentiated right, twice, by its inputs and the model's parameters."""
    process, state, draw = case.process, case.state, drawing(2)
    tree, structure = tree_flatten(call.arguments)
    places = [place for place, leaf in enumerate(tree) if isinstance(leaf, Tensor)]
    tensors = [x.detach().double() if x.is_floating_point() else x for x in call.given]
    moving = [i for i, x in enumerate(tensors) if x.is_floating_point()]
    start = [state.buffers, state.parameters, *(tensors[i] for i in moving)]
    sizes = [torch.zeros(()), case.scale, *(torch.ones(()) for _ in moving)]
    towards, other = ([draw(x) * size.to(x) for x, size in zip(start, sizes, strict=True)] for _ in range(2))
    cotangents = [draw(x) for x in call.gave if x.is_floating_point()]

    def passed(h: float) -> tuple[list[Tensor], Tensor, tuple[Tensor, ...], Tensor]:
        """A point h along ``towards``, a number that the layer gives there, its gradient, and that along ``other``."""
        leaves = [(x + h * dot).detach().requires_grad_() for x, dot in zip(start, towards, strict=True)]
        given = dict(enumerate(tensors)) | dict(zip(moving, leaves[2:], strict=True))
        filled = list(tree)
        for place, tensor in zip(places, given.values(), strict=True):
            filled[place] = tensor
        arguments, named = tree_unflatten(filled, structure)
        model, keys = process.model, case.whole.keys
        made = model.call_layer(call.layer, leaves[1], leaves[0], keys, *arguments, **named)
        gave = [y.sin() for y in tree_leaves(made) if isinstance(y, Tensor) and y.is_floating_point()]
        total = _inner(gave, cotangents)
        found = torch.autograd.grad(
            total, leaves, create_graph=True, allow_unused=True, materialize_grads=True
        )
        return leaves, total, found, _inner(found, other)

    try:
        leaves, _, found, value = passed(0)
        if not is_derivative(_inner(found, towards).item(), lambda h: passed(h)[1].item(), 1.0):
            return False
        bars = tuple(torch.zeros_like(x) for x in leaves)
        if value.requires_grad:
            bars = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
        return is_derivative(_inner(bars, towards).item(), lambda h: passed(h)[3].item(), 1.0)
    except Exception:  # whatever cannot be differentiated
        return False


def _inner(one: Iterable[Tensor], other: Iterable[Tensor]) -> Tensor:
    """The inner product of two lists of tensors."""
    return torch.stack([(x * y).sum() for x, y in zip(one, other, strict=True)]).sum()
