"""Is the derivative of a step, by the model's path, a difference of steps?

With g the gradient and b′ the buffers after the step, as functions of s = (θ, b), random u, v, r and a:

    ⟨ ∂(⟨u, g⟩ + ⟨r, b′⟩)/∂s, v ⟩  =  [ (⟨u, g⟩ + ⟨r, b′⟩)(s + h v) − (…)(s − h v) ] / 2h
    Σ_n a_n ⟨u, ∇ℓ_n⟩               =  the product with the gradient at data weights a

and the slopes ⟨u, ∇ℓ_n⟩ are the same without curvature, which may take another way.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from hydra_steps.errors import StudyError
from hydra_steps.process.linearise import linearise
from hydra_steps.process.linearised import Curvature
from hydra_steps.process.trial.case import Case
from hydra_steps.process.trial.culprit import described, in_words
from hydra_steps.process.trial.differences import drawing, first_wrong, is_derivative
from hydra_steps.refusals import without_order

CLOSE = 1e-8


def try_derivatives(case: Case) -> None:
    """All of the above, for one u, v, r and a."""
    gradient, after, _ = case.gradient(case.whole)
    if gradient[case.scale == 0].any():  # a row for padding that is trained through another layer
        case = replace(case, scale=case.scale.where(case.scale > 0, 0.1))
    changing, size = after != case.state.buffers, float((gradient * case.scale).norm())
    del gradient  # of a large model every vector counts
    try:
        if _holds(case, changing, size):
            return
        why = ""
    except Exception as error:  # whatever has no second derivative
        if kernel := without_order(error):
            raise kernel from error
        why = in_words(error)
    if not why and changing.any() and _holds(case, torch.zeros_like(changing), size):
        names = [name for name, own in _each_buffer(case, changing) if not _holds(case, own, size)]
        raise StudyError(
            f"its buffer {(names or ['?'])[0]!r} changes in a step and hides from PyTorch what it depends on",
            "running averages that pass derivatives on",
            "use nn.BatchNorm, or update the buffer by assignment in forward, without detach, no_grad or .data",
        )
    raise _not_twice(case, why)


def _holds(case: Case, changing: Tensor, size: float) -> bool:
    """Whether all of it holds; r is 0 except for the buffers' numbers that are ``changing`` [r], ``size`` is ‖g‖
    in the parameters' scale."""
    process, state, batch = case.process, case.state, case.whole
    draw = drawing(1)
    u, v = draw(state.parameters) * case.scale, draw(state.parameters) * case.scale
    r, w = draw(state.buffers) * changing, draw(state.buffers) * changing
    found = linearise(
        process, state.parameters, state.buffers, batch, u[None], Curvature.EXACT, buffers_bar=r[None]
    )
    assert found.parameters_bar is not None
    product = (found.parameters_bar[0] @ v + found.buffers_bar[0][changing] @ w[changing]).item()
    size += float((found.parameters_bar[0] * case.scale).norm())
    slopes = found.slopes
    del found  # before the differences, which hold as much

    def along(h: float) -> float:
        parameters = torch.add(state.parameters, v, alpha=h)
        gradient, after, _ = process.gradient(parameters, state.buffers + h * w, batch)
        return (gradient @ u + after[changing] @ r[changing]).item()

    if not is_derivative(product, along, size):
        return False
    alone = linearise(process, state.parameters, state.buffers, batch, u[None], Curvature.NONE)
    if not torch.allclose(alone.slopes, slopes, rtol=CLOSE, atol=CLOSE * size):
        return False
    weights = draw(slopes[0])
    own = process.gradient(state.parameters, state.buffers, batch, weights)[0] @ u * len(batch)
    return torch.allclose(slopes[0] @ weights, own, rtol=CLOSE, atol=CLOSE * size)


def _each_buffer(case: Case, changing: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Names of the buffers that change, and ``changing`` [r] of each alone."""
    for name, shape, offset in case.process.model.buffer_layout:
        own = torch.zeros_like(changing)
        own[offset : offset + math.prod(shape)] = True
        if (own & changing).any():
            yield name, own & changing


def _not_twice(case: Case, why: str) -> StudyError:
    """What to say, with the layer's name where one by itself is not differentiated right."""
    call = first_wrong(case)
    where = described(call.name, call.layer) if call else described("", case.process.model.module)
    return StudyError(
        f"the derivative of a step through {where} is not a difference of steps ({case.process.model.path})"
        + (f": {why}" if why else ""),
        "layers that PyTorch differentiates twice, and nothing that hides a dependence from it (detach, no_grad, "
        ".data, a function with a backward pass of its own)",
        "write the layer with ordinary differentiable operations, or use another",
    )
