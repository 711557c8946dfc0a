"""A step linearised by a backward pass through its backward pass; right for every model that PyTorch can
differentiate twice.

With shares s_n = w_n / |B| as variables of their own, g(θ, s) = Σ s_n ∇ℓ_n(θ) is made once, with its graph, for all
directions. For each u then

    ∂⟨u, g⟩/∂θ = H u        ∂⟨u, g⟩/∂s_n = ⟨u, ∇ℓ_n⟩

come from one pass back. Tangents forwards (of logits for the Gauss–Newton matrix, of buffers) are those of a pull-back,
which is linear in its cotangent: ẏ = ∂⟨u, Jᵀ v⟩/∂v. Index letters: q directions, p parameters, b batch, r buffers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from hydra_steps.process.linearised import Curvature, Linearised, Point
from hydra_steps.process.process import Process


def twice_backward(
    process: Process,
    point: Point,
    directions: Tensor,
    curvature: Curvature,
    buffers_bar: Tensor | None,
    buffers_dot: Tensor | None,
) -> Linearised:
    """See :func:`hydra_steps.process.linearise.linearise`.

    Cost: a training step, and for each direction about another one (without curvature, about half).
    """
    leaf, before = (part.detach().requires_grad_() for part in (point.parameters, point.buffers))
    share, counted = point.share(process).requires_grad_(), point.counted(process)
    if counted is not None:
        counted.requires_grad_()
    with torch.enable_grad():
        logits, after = point.passed(process, leaf, before, counted)
        moved = [leaf] if buffers_dot is None else [leaf, before]
        along = _along_directions(process, point, curvature, logits, share, moved)
        push_buffers = _pushed(after, moved) if buffers_dot is not None else None
    inputs = [leaf, before, *([] if counted is None else [counted])]
    rows = []
    for place, direction in enumerate(directions):
        dots = [direction] if buffers_dot is None else [direction, buffers_dot[place]]
        outputs, cotangents, slopes = along(dots)
        if curvature is Curvature.NONE:
            (slopes,) = _derivatives(outputs[0], [share])
            pulled, *others = (torch.zeros_like(x) for x in inputs)
        else:
            if buffers_bar is not None and after.requires_grad:
                outputs, cotangents = [*outputs, after], [*cotangents, buffers_bar[place]]
            pulled, *others = _derivatives(outputs, [*inputs, share], cotangents)
            if curvature is Curvature.EXACT:
                slopes = others[-1]
        after_dot = torch.zeros_like(before) if push_buffers is None else push_buffers(dots)
        rows.append((slopes, pulled, others[0], after_dot, *others[1 : 1 + (counted is not None)]))
    parts = [torch.stack([part.detach() for part in column]) for column in zip(*rows, strict=True)]
    slopes, pulled, bar, dot = parts[:4]
    if curvature is Curvature.NONE:
        return Linearised(slopes, None, torch.zeros_like(bar), dot)
    bar = torch.zeros_like(bar) if buffers_bar is None else bar
    return Linearised(slopes, pulled, bar, dot, parts[4] if counted is not None else None)


Along = Callable[[Sequence[Tensor]], tuple[list[Tensor], list[Tensor], Tensor]]


def _along_directions(
    process: Process, point: Point, curvature: Curvature, logits: Tensor, share: Tensor, moved: list[Tensor]
) -> Along:
    """What a direction makes of the loss: outputs with their cotangents, whose pull-back is the curvature along it, and
    the slopes where they are known already (the Gauss–Newton matrix has them on its way)."""
    targets = point.batch.targets
    if curvature is Curvature.GAUSS_NEWTON:
        push = _pushed(logits, moved)

        def bent(dots: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor], Tensor]:
            logits_dot, known = push(dots), logits.detach()
            bend = process.loss.bend(known, logits_dot, targets)
            slopes = (process.loss.slope(known, targets) * logits_dot).sum(-1)
            return [logits], [share.detach()[:, None] * bend], slopes

        return bent
    losses = process.loss.values(logits, targets)
    gradients = _derivatives((share * losses).sum(), moved, create_graph=True)

    def turned(dots: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor], Tensor]:
        along = torch.stack([(g * dot).sum() for g, dot in zip(gradients, dots, strict=True)]).sum()
        return [along], [torch.ones_like(along)], torch.zeros_like(share)

    return turned


def _pushed(output: Tensor, inputs: Sequence[Tensor]) -> Callable[[Sequence[Tensor]], Tensor]:
    """The tangent of ``output`` along tangents of ``inputs``, by a derivative of its pull-back."""
    cotangent = torch.zeros_like(output).requires_grad_()
    if not output.requires_grad:
        return lambda dots: torch.zeros_like(output)
    pulled = _derivatives(output, inputs, cotangent, create_graph=True)

    def push(dots: Sequence[Tensor]) -> Tensor:
        with torch.enable_grad():
            along = torch.stack([(bar * dot).sum() for bar, dot in zip(pulled, dots, strict=True)]).sum()
        return _derivatives(along, [cotangent])[0].detach()

    return push


def _derivatives(
    outputs: Tensor | Sequence[Tensor],
    inputs: Sequence[Tensor],
    cotangents: Tensor | Sequence[Tensor] | None = None,
    create_graph: bool = False,
) -> tuple[Tensor, ...]:
    """``torch.autograd.grad`` with zeros for what nothing depends on; the graph is kept."""
    found = torch.autograd.grad(
        outputs,
        inputs,
        cotangents,
        retain_graph=True,
        create_graph=create_graph,
        allow_unused=True,
        materialize_grads=True,
    )
    return found
