"""Layers with more than one output, of which their rule gives the first, and what of it the others are.

Of a recurrent layer the second output, or the first part of an LSTM's, has the last states of all layers and ways
[layers·ways, b, w], of which those of the last layer are the first output's at an end.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from operator import getitem
from typing import Any

from torch import Tensor, fx, nn

from hydra_steps.models.dropout import KeyedAttention
from hydra_steps.tangents.moving import Cotangents, Made, Moving
from hydra_steps.tangents.operations import Operation
from hydra_steps.tangents.recurrent import RECURRENT

SEVERAL = (nn.MultiheadAttention, KeyedAttention, *RECURRENT)


def output(node: fx.Node, layers: Mapping[str, nn.Module]) -> Operation | None:
    """What ``node`` takes of the outputs of a layer that has several: the first, its last states, or what these are
    in; None where it is no such node."""
    path: tuple[Any, ...] = ()
    of: Any = node
    while isinstance(of, fx.Node) and of.target is getitem:
        of, path = of.args[0], (of.args[1], *path)
    if not path or not isinstance(of, fx.Node) or of.op != "call_module":
        return None
    layer = layers[str(of.target)]
    return _of_layer(layer, path) if type(layer) in SEVERAL else None


def takes_known(node: fx.Node, layers: Mapping[str, nn.Module]) -> bool:
    """Whether of a layer's outputs nothing else is taken."""
    for user in node.users:
        made = output(user, layers) if user.target is getitem else None
        if made is None or (made is _around and not takes_known(user, layers)):
            return False
    return True


def _of_layer(layer: nn.Module, path: tuple[Any, ...]) -> Operation | None:
    if path == (0,):
        return _whole
    if not isinstance(layer, RECURRENT):
        return None
    states = (1, 0) if isinstance(layer, nn.LSTM) else (1,)
    if path == states[: len(path)]:
        return _around
    ways = 1 + layer.bidirectional
    count = layer.num_layers * ways
    if path[:-1] != states or path[-1] not in range(-count, count):
        return None
    from_end = path[-1] % count - count
    reverse = layer.bidirectional and from_end == -1
    return partial(_last_states, layer.hidden_size, reverse) if from_end >= -ways else None


def _whole(arguments: Any, options: Mapping[str, Any]) -> Made:
    return Made(arguments[0], lambda d, e: [(d, e)])


def _around(arguments: Any, options: Mapping[str, Any]) -> Made:
    """Of outputs that are cut where they are taken."""
    return _whole(arguments, options)


def _last_states(width: int, reverse: bool, arguments: Any, options: Mapping[str, Any]) -> Made:
    """The states [b, w] after the last place that a way goes to, from [b, l, w] or [b, l, 2·w]."""
    x: Moving = arguments[0]
    y_dot = x.y_dot
    assert y_dot is not None  # the layer's weights move
    place, part = (0, slice(width, None)) if reverse else (-1, slice(width))

    def spread(values: Tensor, like: Tensor) -> Tensor:
        wide = values.new_zeros(like.shape)
        wide[..., place, part] = values
        return wide

    def back(delta: Tensor | None, delta_dot: Tensor) -> Cotangents:
        return [(None if delta is None else spread(delta, x.y), spread(delta_dot, y_dot))]

    return Made(Moving(x.y[..., place, part], y_dot[..., place, part]), back)
