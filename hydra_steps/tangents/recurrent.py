"""The rule of a GRU of one layer; see :mod:`hydra_steps.tangents.chain`.

From the input's part P = x Wᵀ + b of the gates, which is a linear layer at each place, and that of the state before,
a = h Uᵀ + c, both in three parts r, z, n:

    r = σ(P_r + a_r)     z = σ(P_z + a_z)     n = tanh(P_n + r a_n)     h' = n + z (h − n)

The states are gone through place by place, forwards with their tangents and backwards with their cotangents and the
tangents of these; the sums over places that the gradients are come at the end, in one product each. Index letters:
b samples, q directions, l places, w width.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hydra_steps.tangents.layers import at_places
from hydra_steps.tangents.passing import Pass, Step, entered, in_turn
from hydra_steps.tangents.rule import Bars, Dots


def serves(layer: nn.GRU) -> bool:
    """Whether the rule serves the settings of a layer."""
    plain = layer.bias and layer.batch_first and not layer.bidirectional
    return bool(plain and layer.num_layers == 1 and layer.proj_size == 0)


def gru(chain: Pass, layer: nn.Module, x: Tensor, x_dot: Tensor | None) -> Step:
    """The outputs [b, l, w] of ``nn.GRU`` for [b, l, i]."""
    assert isinstance(layer, nn.GRU)
    own, bars = chain.dots[layer], {}
    of_inputs, of_states = (
        {name: own[f"{name}_{kind}_l0"] for name in ("weight", "bias")} for kind in ("ih", "hh")
    )

    def weights(kind: str) -> tuple[Tensor, Tensor]:
        return getattr(layer, f"weight_{kind}_l0"), getattr(layer, f"bias_{kind}_l0")

    def receive(kind: str, found: Bars) -> None:
        bars.update({f"{name}_{kind}_l0": bar for name, bar in found.items()})
        chain.bars[layer] = bars

    def project(x: Tensor, x_dot: Tensor | None) -> Step:
        pushed = at_places(*weights("ih"), x, x_dot, of_inputs)
        return entered(pushed, x_dot, lambda found: receive("ih", found))

    def remember(x: Tensor, x_dot: Tensor | None) -> Step:
        assert x_dot is not None  # the weights before it move
        told = partial(receive, "hh")
        return _states(*weights("hh"), x, x_dot, of_states, told)

    return in_turn([project, remember], x, x_dot)


class _Place(NamedTuple):
    """What a place leaves for the way back: values [b, 1, w], tangents [b, q, w]."""

    h: Tensor
    h_dot: Tensor
    r: Tensor
    r_dot: Tensor
    z: Tensor
    z_dot: Tensor
    n: Tensor
    n_dot: Tensor
    a_n: Tensor
    a_n_dot: Tensor


def _states(
    u: Tensor, c: Tensor, p: Tensor, p_dot: Tensor, dots: Dots, receive: Callable[[Bars], None]
) -> Step:
    """From the inputs' parts P [b, l, 3·w], Ṗ [b, q, l, 3·w] to the states [b, l, w], with U [3·w, w] and c [3·w]."""
    u_dot, c_dot = dots["weight"], dots["bias"]  # [q, 3·w, w], [q, 3·w]
    count, width = len(u_dot), u.shape[1]
    ahead, across = u_dot.flatten(0, 1).T, u_dot.transpose(0, 1).flatten(1)  # [w, q·3·w], [3·w, q·w]
    h, h_dot = p.new_zeros(len(p), 1, width), p.new_zeros(len(p), count, width)
    places: list[_Place] = []
    for t in range(p.shape[1]):
        a, inputs, inputs_dot = h @ u.T + c, p[:, t : t + 1], p_dot[:, :, t]
        a_dot = h_dot @ u.T + (h[:, 0] @ ahead).view(len(p), count, -1) + c_dot
        gates = torch.sigmoid(inputs[..., : 2 * width] + a[..., : 2 * width])
        gates_dot = gates * (1 - gates) * (inputs_dot[..., : 2 * width] + a_dot[..., : 2 * width])
        (r, z), (r_dot, z_dot) = gates.chunk(2, -1), gates_dot.chunk(2, -1)
        a_n, a_n_dot = a[..., 2 * width :], a_dot[..., 2 * width :]
        n = torch.tanh(inputs[..., 2 * width :] + r * a_n)
        n_dot = (1 - n * n) * (inputs_dot[..., 2 * width :] + r_dot * a_n + r * a_n_dot)
        places.append(_Place(h, h_dot, r, r_dot, z, z_dot, n, n_dot, a_n, a_n_dot))
        h, h_dot = n + z * (h - n), n_dot + z_dot * (h - n) + z * (h_dot - n_dot)
    before, before_dot = (
        torch.stack(parts, -2) for parts in zip(*(place[:2] for place in places), strict=True)
    )
    y = torch.cat([before[:, 0, 1:], h], 1)
    y_dot = torch.cat([before_dot[:, :, 1:], h_dot.unsqueeze(2)], 2)

    def back(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        d = None if delta is None else torch.zeros_like(h)
        e = torch.zeros_like(h_dot)
        found: list[tuple[Tensor | None, Tensor, Tensor | None, Tensor]] = []
        for t, place in zip(reversed(range(len(places))), reversed(places), strict=True):
            e = e + delta_dot[:, :, t]
            d = None if d is None or delta is None else d + delta[:, t : t + 1]
            found.append(_back(place, d, e))
            of_a, of_a_dot = found[-1][2:]
            e = e * place.z + of_a_dot @ u
            if d is not None and of_a is not None:
                e = e + d * place.z_dot + (of_a[:, 0] @ across).view(e.shape)
                d = d * place.z + of_a @ u
        of_ps, of_p_dots, of_as, of_a_dots = zip(*reversed(found), strict=True)
        of_a_dot = torch.stack(of_a_dots, 2)  # [b, q, l, 3·w]
        bar = torch.einsum("bqlo,bli->qoi", of_a_dot, before[:, 0])
        if delta is not None:
            bar += torch.einsum("blo,bqli->qoi", torch.cat(of_as, 1), before_dot)
        receive({"weight": bar, "bias": of_a_dot.sum((0, 2))})
        return None if delta is None else torch.cat(of_ps, 1), torch.stack(of_p_dots, 2)

    return Step(y, y_dot, back)


def _back(place: _Place, d: Tensor | None, e: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None, Tensor]:
    """From δ [b, 1, w] (or None) and ε [b, q, w] of the state after a place to those of P and a, each [b, ·, 3·w]."""
    h, h_dot, r, r_dot, z, z_dot, n, n_dot, a_n, a_n_dot = place
    of_r, of_z, of_n = r * (1 - r), z * (1 - z), 1 - n * n  # slopes
    e_n = e * (1 - z)
    e_z = e * (h - n)
    if d is None:
        e_m = e_n * of_n
        e_r, e_z = e_m * a_n * of_r, e_z * of_z
        return None, torch.cat([e_r, e_z, e_m], -1), None, torch.cat([e_r, e_z, e_m * r], -1)
    d_m, d_z = d * (1 - z) * of_n, d * (h - n)
    e_m = (e_n - d * z_dot) * of_n - 2 * d * (1 - z) * n * n_dot
    e_z = (e_z + d * (h_dot - n_dot)) * of_z + d_z * (1 - 2 * z) * z_dot
    d_r = d_m * a_n
    e_r = (e_m * a_n + d_m * a_n_dot) * of_r + d_r * (1 - 2 * r) * r_dot
    d_r, d_z = d_r * of_r, d_z * of_z
    of_p, of_p_dot = torch.cat([d_r, d_z, d_m], -1), torch.cat([e_r, e_z, e_m], -1)
    return (
        of_p,
        of_p_dot,
        torch.cat([d_r, d_z, d_m * r], -1),
        torch.cat([e_r, e_z, e_m * r + d_m * r_dot], -1),
    )
