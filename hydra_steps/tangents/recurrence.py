"""Tangents from place to place, and the way back, of any cell (:mod:`.cells`).

What a cell (:mod:`.cells`) makes of the states is not linear, and goes from place to place. But its tangents, its
cotangents and the tangents of these go there by linear steps, whose factors are known for all places at once when the
states are: with gates a = P + h₋ Uᵀ, K the derivatives along them of what is carried, z that along what was carried
before, s and k those of the state h along what is carried and along the last gate,

    ȧ = Ṗ + h₋ U̇ᵀ + ḣ₋ Uᵀ              Ċ = Σ K ȧ + z Ċ₋             ḣ = s Ċ + k ȧ
    δ_C ← s δ + z₊ δ_C₊                δ_a = K δ_C, k δ             δ₋ ← δ₋ + δ_a U
    ε_C ← s ε + z₊ ε_C₊ + ṡ δ + ż₊ δ_C₊    ε_a = K ε_C, k ε + K̇ δ_C, k̇ δ    ε₋ ← ε₋ + ε_a U + δ_a U̇

so that ε goes the way of δ, from sources that are made for all places when δ is known. The gradients' sums over places
are one product each. Index letters: b samples, q directions, l places, g gates, w width.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from hydra_steps.tangents.cells import Cell, Moved, Slopes
from hydra_steps.tangents.passing import Step
from hydra_steps.tangents.rule import Bars, Dots


def states_of(
    kind: type[Cell],
    u: Tensor,
    c: Tensor | None,
    dots: Dots,
    receive: Callable[[Bars], None],
    length: int,
    p: Tensor,
    p_dot: Tensor,
) -> Step:
    """From the inputs' parts P [l·b, g·w] and Ṗ [l·b, q, g·w] to the states [l·b, w], with U [g·w, w] and c [g·w]."""
    u_dot, width = dots["weight"], u.shape[1]  # [q, g·w, w]
    count, across = len(u_dot), u_dot.transpose(0, 1).flatten(1)  # [g·w, q·w]
    cell = kind(p.unflatten(0, (length, -1)), u, c)
    before = cell.states[:-1].flatten(0, 1)  # [l·b, w]
    a_dot = (before @ u_dot.flatten(0, 1).T).view(p_dot.shape)
    if c is not None:
        a_dot += dots["bias"]
    shape = (length, -1, count, len(u) // width, width)
    inputs, gates = p_dot.view(shape), a_dot.view(shape)
    entering = cell.enter(inputs, gates)
    states_dot, carried_dot = _push(cell.slopes, u, gates, entering)
    before_dot = states_dot[:-1].flatten(0, 1)  # [l·b, q, w]

    def back(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        e = delta_dot.unflatten(0, (length, -1)).clone(memory_format=torch.contiguous_format)
        if delta is None:
            of_a_dot, carried_bar_dot = _pull(cell.slopes, u, e, torch.zeros_like(gates), None)
            of_p, of_p_dot, bar = None, cell.leave(of_a_dot, carried_bar_dot), torch.zeros_like(u_dot)
        else:
            moved = Moved(inputs, gates, carried_dot[:-1], carried_dot[1:])
            d = delta.reshape(length, -1, 1, width).clone(memory_format=torch.contiguous_format)
            of_a, carried_bar = _pull(cell.slopes, u, d, gates.new_zeros(*d.shape[:3], *shape[3:]), None)
            flat = of_a.view(-1, len(u))  # [l·b, g·w]
            e[:-1] += (flat @ across).view(e.shape)[1:]
            sources = _sources(cell.bend(moved), d, carried_bar, e)
            of_a_dot, carried_bar_dot = _pull(cell.slopes, u, e, *sources)
            of_p = cell.leave(of_a, carried_bar).reshape(-1, len(u))
            of_p_dot = cell.leave(of_a_dot, carried_bar_dot, (moved, carried_bar))
            bar = (flat.T @ before_dot.flatten(1)).view(len(u), count, width).transpose(0, 1)
        flat_dot = of_a_dot.view(len(before), -1)  # [l·b, q·g·w]
        found = {"weight": (flat_dot.T @ before).view(u_dot.shape).add_(bar)}
        if c is not None:
            found["bias"] = flat_dot.sum(0).view(count, -1)
        receive(found)
        return of_p, of_p_dot.reshape(p_dot.shape)

    return Step(cell.states[1:].flatten(0, 1), states_dot[1:].flatten(0, 1), back)


def _push(slopes: Slopes, u: Tensor, gates: Tensor, entering: Tensor | None) -> tuple[Tensor, Tensor]:
    """Tangents of the states and of what is carried, before the first place and after each [l + 1, b, q, w].

    ``gates`` [l, b, q, g, w] are the tangents of the gates without those that the states' add, which come to them.
    """
    length, samples, count, _, width = gates.shape
    carried = gates.new_zeros(length + 1, samples, count, width)
    if entering is not None:
        carried[1:] = entering
    states = carried if slopes.read is None else torch.zeros_like(carried)
    places, parts, across = _rows(gates), gates.unbind(3), u.T
    kept, said, rows = carried.unbind(), states.unbind(), _rows(states)
    each = [(x.unbind(), k.unbind()) for x, k in zip(parts, slopes.gates.unbind(3), strict=False)]
    carry = None if slopes.carry is None else slopes.carry.unbind()
    read = None if slopes.read is None else tuple(part.unbind() for part in (*slopes.read, parts[-1]))
    for t in range(length):
        places[t].addmm_(rows[t], across)
        for x, k in each:
            kept[t + 1].addcmul_(k[t], x[t])
        if carry is not None:
            kept[t + 1].addcmul_(carry[t], kept[t])
        if read is not None:
            s, k, x = read
            torch.mul(k[t], x[t], out=said[t + 1]).addcmul_(s[t], kept[t + 1])
    return states, carried


def _pull(
    slopes: Slopes, u: Tensor, of_states: Tensor, of_gates: Tensor, of_carried: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Cotangents of the gates [l, b, ·, g, w] and of what is carried [l, b, ·, w]; what is given are the sources of
    each, which become them. ``of_carried`` is None for zero, and where the state itself is carried."""
    if of_carried is None:
        of_carried = of_states if slopes.read is None else torch.zeros_like(of_states)
    gates = slopes.gates.shape[3]
    d, rows, kept = of_states.unbind(), _rows(of_states), of_carried.unbind()
    wide = of_carried.unsqueeze(3).unbind()
    flat, each = _rows(of_gates), of_gates[:, :, :, :gates].unbind()
    last, along = of_gates[:, :, :, -1].unbind(), slopes.gates.unbind()
    carry = None if slopes.carry is None else slopes.carry.unbind()
    read = None if slopes.read is None else tuple(part.unbind() for part in slopes.read)
    for t in reversed(range(len(rows))):
        if read is not None:
            s, k = read
            kept[t].addcmul_(s[t], d[t])
            last[t].addcmul_(k[t], d[t])
        each[t].addcmul_(along[t], wide[t])
        if t:
            rows[t - 1].addmm_(flat[t], u)
            if carry is not None:
                kept[t - 1].addcmul_(carry[t], kept[t])
    return of_gates, of_carried


def _sources(
    bent: Slopes, of_states: Tensor, of_carried: Tensor, of_states_dot: Tensor
) -> tuple[Tensor, Tensor | None]:
    """What the slopes' tangents add to those of the cotangents of the gates and of what is carried; to those of the
    states, where they are carried, in place."""
    of_gates = bent.gates * of_carried.unsqueeze(3)
    before = of_states_dot
    if bent.read is not None:
        s, k = bent.read
        of_gates = torch.cat([of_gates, (k * of_states).unsqueeze(3)], 3)
        before = s * of_states
    if bent.carry is not None:
        before[:-1].addcmul_(bent.carry[1:], of_carried[1:])
    return of_gates, None if bent.read is None else before


def _rows(values: Tensor) -> tuple[Tensor, ...]:
    """What stands at each place [b·q, …] of [l, b, q, …]: the same memory, which changes in place."""
    return values.view(len(values), values.shape[1] * values.shape[2], -1).unbind()
