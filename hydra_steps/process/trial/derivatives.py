"""Is the derivative of a step, by the model's path, a difference of steps?

With g the gradient and b′ the buffers after the step, as functions of s = (θ, b), random u, v, r and a:

    ⟨ ∂(⟨u, g⟩ + ⟨r, b′⟩)/∂s, v ⟩  =  [ (⟨u, g⟩ + ⟨r, b′⟩)(s + h v) − (…)(s − h v) ] / 2h
    Σ_n a_n ⟨u, ∇ℓ_n⟩               =  the product with the gradient at data weights a

Several h are tried, very small ones too, and a little off s: a ReLU that switches between s − h v and s + h v is no
error, and a large network has one in every interval that is not small.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from hydra_steps.errors import StudyError
from hydra_steps.process.linearise import linearise
from hydra_steps.process.linearised import Curvature
from hydra_steps.process.trial.case import Case
from hydra_steps.process.trial.culprit import Call, described, watched

WIDTHS, PLACES = (1e-7, 1e-8, 1e-9, 1e-6, 1e-10, 1e-5), (0, 1e-6, -1e-6)
TOLERANCE = 1e-4
CLOSE = 1e-8


def try_derivatives(case: Case) -> None:
    """Both equations above, for one u, v, r and a."""
    gradient, after, _ = case.gradient(case.whole)
    changing, size = after != case.state.buffers, float((gradient * case.scale).norm())
    try:
        if _holds(case, changing, size):
            return
        why = ""
    except Exception as error:  # whatever has no second derivative
        why = str(error).splitlines()[0]
    if not why and changing.any() and _holds(case, torch.zeros_like(changing), size):
        names = [name for name, own in _each_buffer(case, changing) if not _holds(case, own, size)]
        raise StudyError(
            f"its buffer {(names or ['?'])[0]!r} changes in a step and hides from PyTorch what it depends on",
            "running averages that pass derivatives on",
            "use nn.BatchNorm, or update the buffer by assignment in forward, without detach, no_grad or .data",
        )
    raise _not_twice(case, why)


def _holds(case: Case, changing: Tensor, size: float) -> bool:
    """Whether both equations hold; r is 0 except for the buffers' numbers that are ``changing`` [r], ``size`` is ‖g‖
    in the parameters' scale."""
    process, state, batch = case.process, case.state, case.whole
    draw = _drawing(1)
    u, v = draw(state.parameters) * case.scale, draw(state.parameters) * case.scale
    r, w = draw(state.buffers) * changing, draw(state.buffers) * changing
    found = linearise(
        process, state.parameters, state.buffers, batch, u[None], Curvature.EXACT, buffers_bar=r[None]
    )
    assert found.parameters_bar is not None
    product = (found.parameters_bar[0] @ v + found.buffers_bar[0][changing] @ w[changing]).item()

    def along(h: float) -> float:
        gradient, after, _ = process.gradient(state.parameters + h * v, state.buffers + h * w, batch)
        return (gradient @ u + after[changing] @ r[changing]).item()

    size += float((found.parameters_bar[0] * case.scale).norm())
    if not is_derivative(product, along, size):
        return False
    weights = draw(found.slopes[0])
    own = process.gradient(state.parameters, state.buffers, batch, weights)[0] @ u * len(batch)
    return torch.allclose(found.slopes[0] @ weights, own, rtol=CLOSE, atol=CLOSE * size)


def _each_buffer(case: Case, changing: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Names of the buffers that change, and ``changing`` [r] of each alone."""
    for name, shape, offset in case.process.model.buffer_layout:
        own = torch.zeros_like(changing)
        own[offset : offset + math.prod(shape)] = True
        if (own & changing).any():
            yield name, own & changing


def _drawing(seed: int) -> Callable[[Tensor], Tensor]:
    """Random numbers of the shape and place of a tensor."""
    generator = torch.Generator().manual_seed(seed)
    return lambda like: torch.randn(like.shape, dtype=torch.float64, generator=generator).to(like.device)


def is_derivative(product: float, along: Callable[[float], float], size: float) -> bool:
    """Whether ``product`` is the derivative of ``along`` at 0; ``size`` is that of what it is a product of."""
    differences = ((along(t + h) - along(t - h)) / (2 * h) for t in PLACES for h in WIDTHS)
    return any(abs(product - found) <= TOLERANCE * max(size, abs(found)) for found in differences)


def _not_twice(case: Case, why: str) -> StudyError:
    """What to say, with the first layer that by itself is not differentiated twice, inner ones first."""
    model, state = case.process.model, case.state
    with watched(model.module) as seen:
        model.train_logits(state.parameters, state.buffers, case.whole.images, case.whole.keys)
    call = next((call for call in seen.calls if not _twice(case, call)), None)
    where = described(call.name, call.layer) if call else described("", model.module)
    return StudyError(
        f"the derivative of a step through {where} is not a difference of steps ({model.path})"
        + (f": {why}" if why else ""),
        "layers that PyTorch differentiates twice, and nothing that hides a dependence from it (detach, no_grad, "
        ".data, a function with a backward pass of its own)",
        "write the layer with ordinary differentiable operations, or use another",
    )


def _twice(case: Case, call: Call) -> bool:
    """Whether one call of a layer is differentiated right, twice, by its inputs and the model's parameters."""
    process, state = case.process, case.state
    tree, structure = tree_flatten(call.arguments)
    places = [place for place, leaf in enumerate(tree) if isinstance(leaf, Tensor)]
    tensors = [x.detach().double() if x.is_floating_point() else x for x in call.given]
    moving = [i for i, x in enumerate(tensors) if x.is_floating_point()]
    draw = _drawing(2)
    towards, other = (
        [draw(state.parameters) * case.scale, *(draw(tensors[i]) for i in moving)] for _ in range(2)
    )
    cotangents = [draw(x) for x in call.gave if x.is_floating_point()]

    def passed(h: float) -> tuple[list[Tensor], Tensor, tuple[Tensor, ...], Tensor]:
        """A point h along ``towards``, a number that the layer gives there, its gradient, and that along ``other``."""
        start = [state.parameters, *(tensors[i] for i in moving)]
        leaves = [(x + h * dot).detach().requires_grad_() for x, dot in zip(start, towards, strict=True)]
        given = dict(enumerate(tensors)) | dict(zip(moving, leaves[1:], strict=True))
        filled = list(tree)
        for place, tensor in zip(places, given.values(), strict=True):
            filled[place] = tensor
        arguments, named = tree_unflatten(filled, structure)
        model, keys = process.model, case.whole.keys
        made = model.call_layer(call.layer, leaves[0], state.buffers, keys, *arguments, **named)
        gave = [y for y in tree_leaves(made) if isinstance(y, Tensor) and y.is_floating_point()]
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
    except RuntimeError:
        return False


def _inner(one: Iterable[Tensor], other: Iterable[Tensor]) -> Tensor:
    """The inner product of two lists of tensors."""
    return torch.stack([(x * y).sum() for x, y in zip(one, other, strict=True)]).sum()
