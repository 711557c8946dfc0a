"""A step linearised by a backward pass through its backward pass; right for every model that PyTorch can
differentiate twice.

With shares s_n = w_n / |B| as variables of their own, g(θ, s) = Σ s_n ∇ℓ_n(θ) is made once, with its graph, for all
directions. For each u then

    ∂⟨u, g⟩/∂θ = H u        ∂⟨u, g⟩/∂s_n = ⟨u, ∇ℓ_n⟩

come from one pass back; what g itself is, nobody reads (:mod:`hydra_steps.process.unread`). Many directions share that
pass where PyTorch can map the model's operations over them (``is_grads_batched``), and take one after another where it
cannot. Tangents forwards (of logits for the Gauss–Newton matrix, of buffers) are those of a pull-back, which is linear
in its cotangent: ẏ = ∂⟨u, Jᵀ v⟩/∂v. Index letters: q directions, p parameters, b batch, r buffers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from hydra_steps.process.agreement import agree
from hydra_steps.process.linearised import Curvature, Linearised, Point
from hydra_steps.process.process import Process
from hydra_steps.process.unread import Unread


def twice_backward(
    process: Process,
    point: Point,
    directions: Tensor,
    curvature: Curvature,
    buffers_bar: Tensor | None,
    buffers_dot: Tensor | None,
    together: int = 1,
    unread: Unread | None = None,
) -> Linearised:
    """See :func:`hydra_steps.process.linearise.linearise`; ``together`` directions at most share a pass. ``unread`` is
    how the first pass makes its graph, None for the shortest that serves the model.

    Cost in forward passes F (a training step is 3F), for convolutions and linear layers: 2F, and for each direction 6F
    (Gauss–Newton 4F, no curvature 2F); several directions together take a little less.
    """
    model = process.model
    if unread is None:
        given = (process, point, directions, curvature, buffers_bar, buffers_dot, together)
        if model.shortens:
            try:
                return twice_backward(*given, Unread(lambda: model.bound))
            except torch.OutOfMemoryError:
                raise
            except RuntimeError:
                # A graph that is made again on its way back (a checkpoint) must be as it was.
                model.shortens = False
        return twice_backward(*given, Unread(None))
    leaf, before = (part.detach().requires_grad_() for part in (point.parameters, point.buffers))
    share, counted = point.share(process).requires_grad_(), point.counted(process)
    if counted is not None:
        counted.requires_grad_()
    with torch.enable_grad():
        with unread.called():
            logits, after = point.passed(process, leaf, before, counted)
        moved = [leaf] if buffers_dot is None else [leaf, before]
        along = _along_directions(process, point, curvature, logits, share, moved, unread)
        push_buffers = _pushed(after, moved, unread) if buffers_dot is not None else None
    inputs = [leaf, before, *([] if counted is None else [counted])]

    def part(rows: slice) -> tuple[Tensor, ...]:
        """Slopes, pull-backs to the inputs, the new buffers' tangents, for some of the directions."""
        dots = [directions[rows]] if buffers_dot is None else [directions[rows], buffers_dot[rows]]
        outputs, cotangents, slopes = along(dots)
        if curvature is Curvature.NONE:
            with unread.by_cotangents():
                (slopes,) = _derivatives(outputs, [share], cotangents)
            pulled = [x.new_zeros(len(dots[0]), *x.shape) for x in inputs]
        else:
            if buffers_bar is not None and after.requires_grad:
                outputs, cotangents = [*outputs, after], [*cotangents, buffers_bar[rows]]
            *pulled, of_share = _derivatives(outputs, [*inputs, share], cotangents)
            if curvature is Curvature.EXACT:
                slopes = of_share
        after_dot = slopes.new_zeros(len(slopes), len(before)) if push_buffers is None else push_buffers(dots)
        return tuple(column.detach() for column in (slopes, after_dot, *pulled))

    parts = _mapped(process, part, len(directions), together)
    slopes, after_dot, pulled, bar, *of_counted = (torch.cat(column) for column in zip(*parts, strict=True))
    if curvature is Curvature.NONE:
        return Linearised(slopes, None, torch.zeros_like(bar), after_dot)
    bar = torch.zeros_like(bar) if buffers_bar is None else bar
    return Linearised(slopes, pulled, bar, after_dot, *of_counted)


def _mapped(
    process: Process, part: Callable[[slice], tuple[Tensor, ...]], count: int, together: int
) -> list[tuple[Tensor, ...]]:
    """``part`` of so many directions, several at once; one by one for good where the model cannot be mapped.

    The first time the last direction is looked at by itself, too: PyTorch maps some derivatives (of group norm without
    weights) to other numbers, without a word.
    """
    model = process.model
    if together > 1 and count > 1 and model.maps is not False:
        try:
            ends = [int(end) for end in np.linspace(0, count, -(-count // together) + 1)]
            parts = [part(slice(start, end)) for start, end in pairwise(ends)]
            if model.maps is None:
                alone = part(slice(count - 1, count))
                model.maps = all(agree(s[-1:], one) for s, one in zip(parts[-1], alone, strict=True))
            if model.maps:
                return parts
        except RuntimeError:  # anyone's module may do what has no rule
            model.maps = False
    return [part(slice(place, place + 1)) for place in range(count)]


Along = Callable[[Sequence[Tensor]], tuple[list[Tensor], list[Tensor], Tensor]]


def _along_directions(
    process: Process,
    point: Point,
    curvature: Curvature,
    logits: Tensor,
    share: Tensor,
    moved: list[Tensor],
    unread: Unread,
) -> Along:
    """What directions make of the loss: outputs with their cotangents, whose pull-back is the curvature along them, and
    the slopes where they are known already (the Gauss–Newton matrix has them on its way)."""
    targets = point.batch.targets
    if curvature is Curvature.GAUSS_NEWTON:
        push = _pushed(logits, moved, unread)

        def bent(dots: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor], Tensor]:
            logits_dot, known = push(dots), logits.detach()
            bend = process.loss.bend(known[None], logits_dot, targets[None])
            slopes = (process.loss.slope(known, targets) * logits_dot).sum(-1)
            return [logits], [share.detach()[:, None] * bend], slopes

        return bent
    losses = process.loss.values(logits, targets)
    gradients = _gradients((share * losses).sum(), moved)

    def turned(dots: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor], Tensor]:
        return list(gradients), list(dots), share.detach()

    return turned


def _pushed(output: Tensor, inputs: Sequence[Tensor], unread: Unread) -> Callable[[Sequence[Tensor]], Tensor]:
    """The tangents of ``output`` along tangents of ``inputs``, by a derivative of its pull-back."""
    if not output.requires_grad:
        return lambda dots: output.new_zeros(len(dots[0]), *output.shape)
    cotangent = torch.zeros_like(output).requires_grad_()
    pulled = _gradients(output, inputs, cotangent)

    def push(dots: Sequence[Tensor]) -> Tensor:
        with unread.by_cotangents():
            return _derivatives(pulled, [cotangent], dots)[0].detach()

    return push


def _gradients(
    output: Tensor, inputs: Sequence[Tensor], cotangent: Tensor | None = None
) -> tuple[Tensor, ...]:
    """Gradients with their graph; zeros for what nothing depends on."""
    return torch.autograd.grad(
        output, inputs, cotangent, create_graph=True, allow_unused=True, materialize_grads=True
    )


def _derivatives(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], cotangents: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """The pull-backs [q, …] of cotangents [q, …]; zeros for what nothing depends on. The graph is kept."""
    mapped = len(cotangents[0]) > 1
    # What no input moves has no graph, and takes no cotangent.
    moved = [
        (y, bar if mapped else bar[0]) for y, bar in zip(outputs, cotangents, strict=True) if y.requires_grad
    ]
    if not moved:
        return tuple(x.new_zeros(len(cotangents[0]), *x.shape) for x in inputs)
    found = torch.autograd.grad(
        [y for y, _ in moved],
        inputs,
        [bar for _, bar in moved],
        retain_graph=True,
        allow_unused=True,
        materialize_grads=True,
        is_grads_batched=mapped,
    )
    return found if mapped else tuple(one[None] for one in found)
