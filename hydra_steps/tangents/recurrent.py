"""The rule of recurrent layers: RNN, LSTM and GRU, of any depth, one way or both; see
:mod:`hydra_steps.tangents.chain`.

Each layer and way is a linear layer at each place, and a cell that goes through the places (:mod:`.recurrence`). Index
letters: b samples, q directions, l places, i inputs, w width.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from hydra_steps.tangents.cells import Cell, Gated, Long, Relu, Tanh
from hydra_steps.tangents.layers import of_rows
from hydra_steps.tangents.passing import Call, Pass, Step, entered, in_turn, total
from hydra_steps.tangents.recurrence import states_of
from hydra_steps.tangents.rule import Bars, Dots

RECURRENT = (nn.RNN, nn.LSTM, nn.GRU)


def serves(layer: nn.RNNBase) -> bool:
    """Whether the rule serves the settings of a layer."""
    drops = layer.num_layers > 1 and layer.dropout > 0
    return bool(layer.batch_first and layer.proj_size == 0 and not drops)


def recurrent(chain: Pass, layer: nn.Module, x: Tensor, x_dot: Tensor | None) -> Step:
    """The outputs [b, l, w] of a recurrent layer for [b, l, i], or [b, l, 2·w] of both ways."""
    assert isinstance(layer, RECURRENT)
    samples, length = x.shape[:2]
    chain.bars[layer] = {}
    calls: list[Call] = []
    for place in range(layer.num_layers):
        ways = [f"l{place}", f"l{place}_reverse"][: 1 + layer.bidirectional]
        calls.append(partial(_side_by_side, [_way(chain, layer, way, length) for way in ways]))
    return in_turn([_places_first, *calls, partial(_samples_first, samples)], x, x_dot)


def _cell(layer: nn.RNNBase) -> type[Cell]:
    if isinstance(layer, nn.RNN):
        return Tanh if layer.nonlinearity == "tanh" else Relu
    return Long if isinstance(layer, nn.LSTM) else Gated


def _way(chain: Pass, layer: nn.RNNBase, way: str, length: int) -> Call:
    """One layer, one way through the places, which come first: [l·b, i] → [l·b, w]."""
    names = ("weight", "bias") if layer.bias else ("weight",)

    def own(kind: str) -> tuple[Tensor, Tensor | None, Dots, Callable[[Bars], None]]:
        dots = {name: chain.dots[layer][f"{name}_{kind}_{way}"] for name in names}
        values = [getattr(layer, f"{name}_{kind}_{way}") for name in names]

        def receive(found: Bars) -> None:
            chain.bars[layer].update({f"{name}_{kind}_{way}": bar for name, bar in found.items()})

        return values[0], values[1] if layer.bias else None, dots, receive

    def project(x: Tensor, x_dot: Tensor | None) -> Step:
        w, b, dots, receive = own("ih")
        return entered(of_rows(w, b, x, x_dot, dots), x_dot, receive)

    def remember(x: Tensor, x_dot: Tensor | None) -> Step:
        assert x_dot is not None  # the weights before it move
        return states_of(_cell(layer), *own("hh"), length, x, x_dot)

    turned = [partial(_turned, length)] if way.endswith("reverse") else []
    return partial(in_turn, [*turned, project, remember, *turned])


def _side_by_side(calls: list[Call], x: Tensor, x_dot: Tensor | None) -> Step:
    """What several calls give of the same x, along the last axis."""
    steps = [call(x, x_dot) for call in calls]
    if len(steps) == 1:
        return steps[0]
    sizes = [step.y.shape[-1] for step in steps]

    def back(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor | None]:
        d, e = [None] * len(steps) if delta is None else delta.split(sizes, -1), delta_dot.split(sizes, -1)
        found, found_dot = None, None
        for step, one, its in zip(steps, d, e, strict=True):
            of_x, of_x_dot = step.back(one, its)
            found, found_dot = total(found, of_x), total(found_dot, of_x_dot)
        return found, found_dot

    dots = [step.y_dot for step in steps if step.y_dot is not None]
    return Step(torch.cat([step.y for step in steps], -1), torch.cat(dots, -1), back)


def _turned(length: int, x: Tensor, x_dot: Tensor | None) -> Step:
    """The places in the other order: [l·b, i]."""

    def turn(values: Tensor | None) -> Tensor | None:
        return None if values is None else values.unflatten(0, (length, -1)).flip(0).flatten(0, 1)

    y = turn(x)
    assert y is not None
    return Step(y, turn(x_dot), lambda delta, delta_dot: (turn(delta), turn(delta_dot)))


def _places_first(x: Tensor, x_dot: Tensor | None) -> Step:
    """[b, l, i] → [l·b, i]."""
    y = _rows(x)
    back = partial(_both, partial(_samples, x.shape[0]))
    return Step(y, None if x_dot is None else _rows(x_dot), back)


def _samples_first(samples: int, x: Tensor, x_dot: Tensor | None) -> Step:
    """[l·b, w] → [b, l, w]."""
    y, y_dot = _both(partial(_samples, samples), x, x_dot)
    assert y is not None
    return Step(y, y_dot, partial(_both, _rows))


def _both(
    laid: Callable[[Tensor], Tensor], one: Tensor | None, other: Tensor | None
) -> tuple[Tensor | None, Tensor | None]:
    return None if one is None else laid(one), None if other is None else laid(other)


def _rows(values: Tensor) -> Tensor:
    """[b, l, i] → [l·b, i], or [b, q, l, i] → [l·b, q, i]."""
    return values.movedim(-2, 0).flatten(0, 1)


def _samples(samples: int, rows: Tensor) -> Tensor:
    """The way back of :func:`_rows`."""
    laid: Tensor = rows.unflatten(0, (-1, samples)).movedim(0, -2)
    return laid.contiguous()
