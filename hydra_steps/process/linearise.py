"""Derivatives of one step's gradient map g(θ, w) = ∇θ (1/|B|) Σ w_n ℓ_n(θ), in the cheapest order.

One forward pass with a tangent u gives the directional derivatives of all the batch's losses, ℓ̇_n = ⟨u, ∇ℓ_n⟩
(right also with batch norm, where per-sample gradients are not defined one sample at a time), and ∂⟨u, g⟩/∂w_n =
ℓ̇_n / |B|. With z the logits and ż their tangent the way back gives

    exact          H u = ∂/∂θ Σ (w_n/|B|) ⟨∂ℓ_n/∂z(θ), ż_n(θ)⟩
    Gauss–Newton   G u = Jᵀ [ (w_n/|B|) (∂²ℓ_n/∂z²) ż_n ]       positive semi-definite
    none           0

Where all layers have rules (:mod:`hydra_steps.tangents.chain`) this is the backward pass differentiated forwards,
which many directions share. Other models go twice backward, and share the second pass where PyTorch can map it; of
known layers one direction goes through PyTorch's forward mode, and a backward pass through that, where this is cheaper
(:mod:`hydra_steps.process.paths`). Cost in forward passes F (a training step is 3F), for one direction and each of
eight at once: LeNet-5 in batches of 64 on one processor core exact 8F and 3.2F, Gauss–Newton 5F and 2.4F, none 3F and
1F. A convolution alone takes 8F and, of several, 6F each: with u both its input and its weight move, and so on the way
back.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hydra_steps.errors import Unsuited
from hydra_steps.process.agreement import agree
from hydra_steps.process.forward_mode import forward_mode
from hydra_steps.process.layout import in_best_layout
from hydra_steps.process.linearised import Curvature, Linearised, Point
from hydra_steps.process.paths import Path
from hydra_steps.process.process import Batch, Process
from hydra_steps.process.room import directions_together, samples_together
from hydra_steps.process.twice_backward import twice_backward
from hydra_steps.refusals import of_memory
from hydra_steps.tangents.kinks import counted_kinks, kink_width


def linearise(
    process: Process,
    parameters: Tensor,
    buffers: Tensor,
    batch: Batch,
    directions: Tensor,
    curvature: Curvature,
    weights: Tensor | None = None,
    buffers_bar: Tensor | None = None,
    buffers_dot: Tensor | None = None,
    training: bool = True,
) -> Linearised:
    """Directional derivatives along ``directions`` [q, p] at θ = ``parameters`` [p], and the curvature times them.

    ``buffers_bar`` [q, r], the cotangent of the buffers after the step, is pulled back too (batch norm's statistics
    depend on θ), except with ``Curvature.NONE``, which keeps first-order scores free of any pull-back.
    ``buffers_dot`` [q, r] are the buffers' own tangents before the step. ``weights`` [n] are the data weights of the
    curvature, and of batch norm's statistics where the process weights them. Without ``training`` the model is in its
    evaluation mode. Where memory is too small for a batch's tangents, its samples go in parts
    (:mod:`hydra_steps.process.room`).
    """
    if not len(directions):
        empty = parameters.new_zeros(0, len(parameters))
        no_buffers = buffers.new_zeros(0, len(buffers))
        return Linearised(parameters.new_zeros(0, len(batch)), empty, no_buffers, no_buffers)
    size = len(batch)
    most = samples_together(process, size)
    if most >= size:
        point = Point(parameters, buffers, batch, weights, training)
        return _at(process, point, directions, curvature, buffers_bar, buffers_dot)
    parts = []
    for start in range(0, size, most):
        point = Point(parameters, buffers, batch.part(start, start + most), weights, training, size)
        parts.append(_at(process, point, directions, curvature, buffers_bar, buffers_dot))
    bars = [part.parameters_bar for part in parts if part.parameters_bar is not None]
    pulled = torch.stack(bars).sum(0) if bars else None
    return parts[0]._replace(slopes=torch.cat([part.slopes for part in parts], 1), parameters_bar=pulled)


def _at(
    process: Process,
    point: Point,
    directions: Tensor,
    curvature: Curvature,
    buffers_bar: Tensor | None,
    buffers_dot: Tensor | None,
) -> Linearised:
    """By the model's path."""
    together = 1 if len(directions) == 1 else directions_together(process, len(point.batch))
    if process.model.unproved and rules_serve(process, point.training):
        prove(process, point)
    path = process.model.path
    if path is Path.RULES and rules_serve(process, point.training):
        return _by_rules(process, point, curvature, together, directions, buffers_bar, buffers_dot)
    if curvature is Curvature.EXACT and kink_width():
        raise Unsuited(
            f"kinks are counted by layers' rules alone, and these do not serve the model: {_why_no_rules(process)}",
            "a model that goes by them (make check says which do)",
            "leave out kink_width",
        )
    forwards = path is not Path.BACKWARD and process.model.forwards
    if forwards and len(directions) == 1 and curvature is not Curvature.EXACT:
        bar, dot = (None if x is None else x[0] for x in (buffers_bar, buffers_dot))
        return forward_mode(process, point, directions[0], curvature, bar, dot)

    def backward(laid_out: Point, together: int) -> Linearised:
        return twice_backward(process, laid_out, directions, curvature, buffers_bar, buffers_dot, together)

    return in_best_layout(process, point, together, backward)


def _by_rules(
    process: Process,
    point: Point,
    curvature: Curvature,
    together: int,
    directions: Tensor,
    buffers_bar: Tensor | None,
    buffers_dot: Tensor | None,
) -> Linearised:
    """All directions, so many together, in parts as equal as can be: a small one would cost nearly as much as a full
    one."""
    count = -(-len(directions) // together)
    rows = zip(
        *(
            [None] * count if part is None else part.tensor_split(count)
            for part in (directions, buffers_bar, buffers_dot)
        ),
        strict=True,
    )
    parts = [_together(process, point, curvature, *part) for part in rows]
    if len(parts) == 1:
        return parts[0]
    pulled = (
        None if curvature is Curvature.NONE else torch.cat([_present(part.parameters_bar) for part in parts])
    )
    slopes, bars, dots = (
        torch.cat([getattr(p, n) for p in parts]) for n in ("slopes", "buffers_bar", "buffers_dot")
    )
    return Linearised(slopes, pulled, bars, dots)


def prove(process: Process, point: Point) -> None:
    """Try what the graphs of a model's modules give, along one random direction, against twice backward; from then on
    the model goes by them, or without. All samples count: data weights of 0 would hide what is wrong."""
    point = point._replace(weights=None)
    generator = torch.Generator().manual_seed(0)

    def draw(like: Tensor) -> Tensor:
        return torch.randn(1, len(like), generator=generator, dtype=torch.float64).to(like)

    given = draw(point.parameters), draw(point.buffers), draw(point.buffers)
    try:
        with counted_kinks(0.0):  # twice backward has none
            found = _together(process, point, Curvature.EXACT, *given)
    except Exception as error:  # whatever an operation does with settings that its rule does not know
        if of_memory(error):
            raise
        process.model.proved(f"its layers' rules cannot follow it ({type(error).__name__})")
        return
    direction, bar, dot = given
    expected = twice_backward(process, point, direction, Curvature.EXACT, bar, dot)
    names = ("slopes", "parameters_bar", "buffers_bar", "buffers_dot")
    right = all(agree(getattr(found, name), getattr(expected, name)) for name in names)
    process.model.proved("" if right else "its layers' rules do not give what it gives")


def rules_serve(process: Process, training: bool) -> bool:
    """Whether the rules of a model that has them are those of this mode: batch norm's are of training, and of samples
    that count alike."""
    return not process.model.coupled or (training and not process.weighs_statistics)


def _why_no_rules(process: Process) -> str:
    return process.model.reason or "batch norm weighs its samples"


def _present(tensor: Tensor | None) -> Tensor:
    assert tensor is not None
    return tensor


def _together(
    process: Process,
    point: Point,
    curvature: Curvature,
    directions: Tensor,
    buffers_bar: Tensor | None,
    buffers_dot: Tensor | None,
) -> Linearised:
    """Several directions through one pass of the layers' rules."""
    batch = point.batch
    with torch.no_grad():
        logits, logits_dot, after_dot, pull = process.model.push(
            point.parameters, directions, point.buffers, batch.inputs, batch.keys, point.training, buffers_dot
        )
        slope = process.loss.slope(logits, batch.targets)
        slopes = (slope[:, None] * logits_dot).sum(-1).T
        if curvature is Curvature.NONE:
            return Linearised(slopes, None, torch.zeros_like(after_dot), after_dot)
        share = point.share(process)
        delta = share[:, None] * slope if curvature is Curvature.EXACT else None
        pulled, before_bar = pull(
            delta,
            share[:, None, None] * process.loss.bend(logits[:, None], logits_dot, batch.targets[:, None]),
            buffers_bar,
        )
    return Linearised(slopes, pulled, before_bar, after_dot)
