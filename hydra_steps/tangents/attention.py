"""The rule of self-attention, and of an encoder's layer around it; see :mod:`hydra_steps.tangents.chain`.

Of queries Q, keys K and values V of each head, S = Q Kᵀ / √d, A = softmax S row by row, O = A V:

    Ṡ = (Q̇ Kᵀ + Q K̇ᵀ) / √d        Ȧ = A (Ṡ − Σ A Ṡ)        Ȯ = Ȧ V + A V̇
    δA = δ Vᵀ                      δS = A (δA − Σ A δA)
    εA = ε Vᵀ + δ V̇ᵀ               εS = Ȧ (δA − Σ A δA) + A (εA − Σ (Ȧ δA + A εA))

Index letters: b samples, q directions, h heads, l places, d numbers of a head, w of all heads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from hydra_steps.models.dropout import KeyedAttention, KeyedDropout
from hydra_steps.tangents.activations import gelu
from hydra_steps.tangents.layers import at_places, relu
from hydra_steps.tangents.passing import Call, Pass, Step, added, entered, in_turn, itself
from hydra_steps.tangents.rule import Bars, Pushed


def encoder_layer(
    chain: Pass, layer: nn.Module, x: Tensor, x_dot: Tensor | None, mask: Tensor | None = None
) -> Step:
    """``nn.TransformerEncoderLayer`` of [b, l, w]; ``mask`` [l, l] is true where a place is not looked at."""
    assert isinstance(layer, nn.TransformerEncoderLayer)

    def activate(x: Tensor, x_dot: Tensor | None) -> Step:
        pushed = relu(x, x_dot) if layer.activation is functional.relu else gelu(x, x_dot)
        return entered(pushed, x_dot, _nothing)

    attend: list[Call] = [partial(attention, chain, layer.self_attn, mask=mask), chain.call(layer.dropout1)]
    feed: list[Call] = [chain.call(layer.linear1), activate, chain.call(layer.dropout)]
    feed += [chain.call(layer.linear2), chain.call(layer.dropout2)]
    parts: list[Call] = []
    for norm, calls in ((layer.norm1, attend), (layer.norm2, feed)):
        if layer.norm_first:
            parts.append(partial(added, itself, partial(in_turn, [chain.call(norm), *calls])))
        else:
            parts += [partial(added, itself, partial(in_turn, calls)), chain.call(norm)]
    return in_turn(parts, x, x_dot)


def lacks(layer: nn.Module) -> str:
    """Why an encoder's layer or its attention is not served, in words; empty where it is."""
    if isinstance(layer, nn.TransformerEncoderLayer):
        if layer.activation not in (functional.relu, functional.gelu):
            return "has an activation that has no rule"
        dropouts: list[nn.Module] = [layer.dropout, layer.dropout1, layer.dropout2]
        if any(type(dropout) is not KeyedDropout for dropout in dropouts):
            return "has a dropout of its own"
        return lacks(layer.self_attn)
    assert isinstance(layer, nn.MultiheadAttention)
    if not layer.batch_first:
        return "has the samples on its second axis"
    if not layer._qkv_same_embed_dim or layer.bias_k is not None or layer.add_zero_attn:
        return "has attention that has no rule"
    return ""


def attention(
    chain: Pass, layer: nn.Module, x: Tensor, x_dot: Tensor | None, mask: Tensor | None = None
) -> Step:
    """``nn.MultiheadAttention`` of [b, l, w] to itself."""
    assert isinstance(layer, nn.MultiheadAttention)
    assert layer.in_proj_weight is not None
    own, heads, bars = chain.dots[layer], layer.num_heads, {}

    def receive(found: Bars) -> None:
        bars.update({f"in_proj_{name}": bar for name, bar in found.items()})
        chain.bars[layer] = bars

    def project(x: Tensor, x_dot: Tensor | None) -> Step:
        dots = {name.removeprefix("in_proj_"): dot for name, dot in own.items()}
        return entered(at_places(layer.in_proj_weight, layer.in_proj_bias, x, x_dot, dots), x_dot, receive)

    def mix(x: Tensor, x_dot: Tensor | None) -> Step:
        assert x_dot is not None  # the weights before it move
        return entered(_mixed(x, x_dot, heads, mask, _left(layer, x)), x_dot, _nothing)

    return in_turn([project, mix, chain.call(layer.out_proj)], x, x_dot)


def _left(layer: nn.MultiheadAttention, x: Tensor) -> Tensor | None:
    """What dropout makes of the weights of attention: their factors [b, h, 1, l, l]."""
    if not isinstance(layer, KeyedAttention) or not layer.training or layer.dropout == 0:
        return None
    heads, places = layer.num_heads, x.shape[1]
    kept = layer.kept(x, layer.dropout, heads * places**2).view(len(x), heads, 1, places, places)
    return kept / (1 - layer.dropout) if layer.dropout < 1 else kept


def _mixed(x: Tensor, x_dot: Tensor, heads: int, mask: Tensor | None, left: Tensor | None) -> Pushed:
    """Queries, keys and values side by side [b, l, 3·w] → what the heads give [b, l, w]."""
    given = x.unflatten(2, (3, heads, -1)).permute(2, 0, 3, 1, 4).unsqueeze(3)  # each [b, h, 1, l, d]
    dots = x_dot.unflatten(3, (3, heads, -1)).permute(3, 0, 4, 1, 2, 5)  # each [b, h, q, l, d]
    y, y_dot, back = heads_mixed(list(given), list(dots), mask, left)

    def joined(heads: Tensor) -> Tensor:
        return heads.permute(0, 2, 3, 1, 4).flatten(3)  # [b, h, q, l, d] → [b, q, l, w]

    def side_by_side(parts: Sequence[Tensor]) -> Tensor:
        return torch.cat([joined(part) for part in parts], -1)

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        e = delta_dot.unflatten(3, (heads, -1)).permute(0, 3, 1, 2, 4)  # [b, h, q, l, d]
        if delta is None:
            return None, side_by_side(back(None, e)[1])
        d = delta.unflatten(2, (heads, -1)).permute(0, 2, 1, 3).unsqueeze(2)  # [b, h, 1, l, d]
        first, moved = back(d, e)
        return side_by_side([part for part in first if part is not None]).squeeze(1), side_by_side(moved)

    return Pushed(joined(y).squeeze(1), joined(y_dot), pull)


Mixed = Callable[[Tensor | None, Tensor], tuple[list[Tensor | None], list[Tensor]]]


def heads_mixed(
    given: Sequence[Tensor], dots: Sequence[Tensor], mask: Tensor | None, left: Tensor | None = None
) -> tuple[Tensor, Tensor, Mixed]:
    """What heads give of queries, keys and values [b, h, 1, l, d] with tangents [b, h, q, l, d], its tangents, and the
    way back to the three; ``mask`` [l, l] is true where a place is not looked at, ``left`` the factors of
    :func:`_left`."""
    (q, k, v), (q_dot, k_dot, v_dot) = given, dots
    scale = q.shape[-1] ** -0.5
    scores = (q @ k.mT) * scale
    a = (scores if mask is None else scores.masked_fill(mask, -torch.inf)).softmax(-1)
    a_dot = through_softmax(a, ((q_dot @ k.mT) + (q @ k_dot.mT)) * scale)

    def thinned(weights: Tensor) -> Tensor:
        return weights if left is None else weights * left

    def pull(d: Tensor | None, e: Tensor) -> tuple[list[Tensor | None], list[Tensor]]:
        e_a = thinned(e @ v.mT)
        if d is None:
            e_s = through_softmax(a, e_a)
            return [None] * 3, [(e_s @ k) * scale, (e_s.mT @ q) * scale, seen.mT @ e]
        d_a = thinned(d @ v.mT)
        above = d_a - (a * d_a).sum(-1, keepdim=True)
        d_s = a * above
        e_a = e_a + thinned(d @ v_dot.mT)
        e_s = a_dot * above + a * (e_a - (a_dot * d_a + a * e_a).sum(-1, keepdim=True))
        moved = [
            (e_s @ k + d_s @ k_dot) * scale,
            (e_s.mT @ q + d_s.mT @ q_dot) * scale,
            seen_dot.mT @ d + seen.mT @ e,
        ]
        return [(d_s @ k) * scale, (d_s.mT @ q) * scale, seen.mT @ d], moved

    seen, seen_dot = thinned(a), thinned(a_dot)
    return seen @ v, seen_dot @ v + seen @ v_dot, pull


def through_softmax(a: Tensor, scores_dot: Tensor, axis: int = -1) -> Tensor:
    """A (Ṡ − Σ A Ṡ), which is its own adjoint."""
    weighted = a * scores_dot
    return weighted.addcmul_(a, weighted.sum(axis, keepdim=True), value=-1)


def _nothing(bars: Bars) -> None:
    """Of a step without parameters."""
