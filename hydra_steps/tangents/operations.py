"""Which operations between layers have a rule, and how ``torch.fx`` writes them down.

An :data:`Operation` takes what the node's arguments are (:class:`~hydra_steps.tangents.moving.Moving` for what may
move, plain values for numbers and shapes) and gives what it made. ``None`` stands for an operation, or settings of one,
without a rule.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from hydra_steps.tangents.activations import ACTIVATIONS
from hydra_steps.tangents.layers import LAYERS
from hydra_steps.tangents.moving import (
    Back,
    Made,
    Moving,
    attended,
    elementwise,
    joined,
    linear,
    matrix_product,
    product,
    softmax,
    summed,
)
from hydra_steps.tangents.pools import POOLS
from hydra_steps.tangents.rule import Rule

Operation = Callable[[Sequence[Any], Mapping[str, Any]], Made]

RULES: dict[type[nn.Module], Rule] = {**LAYERS, **POOLS, **ACTIVATIONS}
SHAPES = {"size", "dim", "ndim", "shape", "device", "dtype"}  # of a tensor: no parameter moves them
PIECES = {"chunk", "split", "unbind", torch.chunk, torch.split, torch.unbind}
DIFFERENCES = {operator.sub, operator.isub, torch.sub, "sub", "sub_"}
SUMS = {operator.add, operator.iadd, torch.add, "add", "add_", *DIFFERENCES}
PRODUCTS = {operator.mul, operator.imul, torch.mul, "mul", "mul_"}
MATRIX_PRODUCTS = {operator.matmul, torch.matmul, torch.bmm, "matmul", "bmm"}
LINEAR = {
    *(
        "flatten",
        "view",
        "reshape",
        "permute",
        "transpose",
        "mean",
        "sum",
        "unsqueeze",
        "squeeze",
        "contiguous",
    ),
    *("movedim", "unflatten", "neg", "expand", "narrow", "select", "repeat"),
    *(operator.truediv, operator.itruediv, torch.div, "div", "div_"),  # by a number
    *(functional.interpolate, functional.unfold, torch.roll, torch.flip, "roll", "flip"),
    *(torch.flatten, torch.reshape, torch.permute, torch.transpose, torch.mean, torch.sum, torch.unsqueeze),
    *(torch.squeeze, torch.movedim, torch.neg, operator.neg, operator.getitem),
}
JOINS = {torch.cat, torch.concat, torch.stack}
SOFTMAX = {functional.softmax, torch.softmax, "softmax"}
ELEMENTWISE = {
    *(
        torch.exp,
        torch.log,
        torch.sqrt,
        torch.rsqrt,
        torch.square,
        torch.sin,
        torch.cos,
        torch.abs,
        torch.pow,
    ),
    *("exp", "log", "sqrt", "rsqrt", "square", "sin", "cos", "abs", "pow", operator.pow),
    *(
        functional.gelu,
        functional.softplus,
        functional.elu,
        functional.leaky_relu,
        functional.mish,
        functional.logsigmoid,
    ),
}
ALONE: dict[Any, type[nn.Module]] = {
    name: kind
    for kind, names in {
        nn.ReLU: (functional.relu, functional.relu_, torch.relu, "relu", "relu_"),
        nn.Tanh: (functional.tanh, torch.tanh, "tanh"),
        nn.Sigmoid: (functional.sigmoid, torch.sigmoid, "sigmoid"),
        nn.GELU: (functional.gelu,),
        nn.SiLU: (functional.silu,),
    }.items()
    for name in names
}
POOLED: dict[Any, type[nn.Module]] = {
    functional.avg_pool2d: nn.AvgPool2d,
    functional.adaptive_avg_pool2d: nn.AdaptiveAvgPool2d,
    functional.max_pool2d: nn.MaxPool2d,
}


def is_static(part: Any) -> bool:
    """Whether it is a number, a shape or the like, which has no tangents."""
    if not isinstance(part, fx.Node):
        return True
    if part.op == "call_method" and part.target in ("size", "dim"):
        return True
    if part.op != "call_function":
        return False
    if part.target is getattr:
        return part.args[1] in SHAPES
    return bool(part.all_input_nodes) and all(map(is_static, part.all_input_nodes))


def call(node: fx.Node, arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """What a node's function or method gives."""
    if node.op == "call_method":
        # A tangent's samples and features may not lie in a row.
        name = "reshape" if node.target == "view" else str(node.target)
        return getattr(arguments[0], name)(*arguments[1:], **options)
    assert callable(node.target)
    return node.target(*arguments, **options)


def operation(node: fx.Node) -> Operation | None:
    """The rule of what a node calls; None where there is none."""
    moving = [not is_static(part) for part in node.args]
    if moving == [True] + [False] * (len(moving) - 1) and all(map(is_static, node.kwargs.values())):
        return _of_one(node) or _of_two(node, moving)
    return _of_two(node, moving) or _of_several(node, moving)


def _of_two(node: fx.Node, moving: Sequence[bool]) -> Operation | None:
    """An operation of two values, or of one and a number."""
    if node.kwargs or len(moving) != 2:
        return None
    if node.target in SUMS:
        return partial(_sum, node)
    if node.target in PRODUCTS:
        return partial(_product, node)
    if node.target in MATRIX_PRODUCTS and all(moving):
        return lambda arguments, _: matrix_product(*arguments)
    return None


def _of_several(node: fx.Node, moving: Sequence[bool]) -> Operation | None:
    """Joins, and attention."""
    if node.target in JOINS:
        return partial(_cat, node.target is torch.stack) if _joins(node) else None
    if node.target is functional.scaled_dot_product_attention:
        settings = {name: value for name, value in node.kwargs.items() if value not in (None, 0.0)}
        return _attention if moving == [True] * 3 and not set(settings) - {"is_causal"} else None
    return None


def _of_one(node: fx.Node) -> Operation | None:
    """An operation on one value, and numbers."""
    target, of = node.target, node.args[0]
    if target in PIECES:
        taken = all(user.target is operator.getitem and user.args[0] is node for user in node.users)
        return _itself if taken else None
    if target is operator.getitem and isinstance(of, fx.Node) and of.target in PIECES:
        return partial(_piece, of)
    if target in LINEAR or (target is functional.pad and _pads_by_zeros(node)):
        return partial(_linear, node)
    if target in SOFTMAX:
        return _softmax
    if (as_layer := _as_layer(node)) is not None:
        return as_layer
    return partial(_elementwise, node) if target in ELEMENTWISE and not node.kwargs.get("inplace") else None


def _as_layer(node: fx.Node) -> Operation | None:
    """A layer without parameters that is called as a function."""
    if node.target in ALONE and len(node.args) == 1 and not set(node.kwargs) - {"inplace"}:
        return partial(_layer, ALONE[node.target]())
    return partial(_pool, POOLED[node.target]) if node.target in POOLED else None


def _pads_by_zeros(node: fx.Node) -> bool:
    options = dict(zip(("mode", "value"), node.args[2:], strict=False)) | dict(node.kwargs)
    return options.get("mode", "constant") == "constant" and not options.get("value")


def _itself(arguments: Sequence[Any], options: Mapping[str, Any]) -> Made:
    """Pieces are cut where they are taken."""
    return Made(arguments[0], lambda d, e: [(d, e)])


def _piece(pieces: fx.Node, arguments: Sequence[Any], options: Mapping[str, Any]) -> Made:
    whole, place = arguments
    return linear(lambda x: call(pieces, [x, *pieces.args[1:]], pieces.kwargs)[place], whole)


def _linear(node: fx.Node, arguments: Sequence[Any], options: Mapping[str, Any]) -> Made:
    return linear(lambda x: call(node, [x, *arguments[1:]], options), arguments[0])


def _elementwise(node: fx.Node, arguments: Sequence[Any], options: Mapping[str, Any]) -> Made:
    return elementwise(lambda x: call(node, [x, *arguments[1:]], options), arguments[0])


def _sum(node: fx.Node, arguments: Sequence[Any], options: Mapping[str, Any]) -> Made:
    signs = (1, -1 if node.target in DIFFERENCES else 1)
    plain = [part.y if isinstance(part, Moving) else part for part in arguments]
    y: Tensor = plain[0] + signs[1] * plain[1]
    return summed(
        y, [(part, s) for part, s in zip(arguments, signs, strict=True) if isinstance(part, Moving)]
    )


def _product(node: fx.Node, arguments: Sequence[Any], options: Mapping[str, Any]) -> Made:
    one, other = arguments
    if isinstance(one, Moving) and isinstance(other, Moving):
        return product(one, other)
    moving, number = (one, other) if isinstance(one, Moving) else (other, one)
    return linear(lambda x: x * number, moving)


def _joins(node: fx.Node) -> bool:
    """Whether tensors are joined along an axis that is not the samples'."""
    parts, axis = node.args[0], node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
    if not isinstance(parts, (list, tuple)) or any(map(is_static, parts)):
        return False
    return isinstance(axis, int) and axis != 0


def _cat(stacked: bool, arguments: Sequence[Any], options: Mapping[str, Any]) -> Made:
    parts, axis = arguments[0], options.get("dim", arguments[1] if len(arguments) > 1 else 0)
    if not stacked:
        return joined(parts, axis)
    wide = [linear(lambda x: x.unsqueeze(axis), part) for part in parts]
    made = joined([one.value for one in wide], axis)

    def back(delta: Tensor | None, delta_dot: Tensor) -> Any:
        return [one.back(*pair)[0] for one, pair in zip(wide, made.back(delta, delta_dot), strict=True)]

    return Made(made.value, back)


def _softmax(arguments: Sequence[Any], options: Mapping[str, Any]) -> Made:
    axis = options.get("dim", arguments[1] if len(arguments) > 1 else None)
    if not isinstance(axis, int) or axis == 0 or options.get("dtype") is not None:
        raise ValueError("no rule for these settings of softmax")
    return softmax(arguments[0], axis)


def _attention(arguments: Sequence[Any], options: Mapping[str, Any]) -> Made:
    q, k, v = arguments
    mask = None
    if options.get("is_causal"):
        mask = torch.ones(q.y.shape[-2], k.y.shape[-2], dtype=torch.bool, device=q.y.device).triu(1)
    return attended(q, k, v, mask)


def _layer(layer: nn.Module, arguments: Sequence[Any], options: Mapping[str, Any]) -> Made:
    """A layer without parameters, called as a function."""
    (x,) = arguments
    if x.free:
        raise ValueError("no rule for a layer of what is free of the samples")
    pushed = RULES[type(layer)](layer, x.y, x.y_dot, {})
    back: Back = lambda d, e: [pushed.pull(d, e)]  # noqa: E731
    return Made(Moving(pushed.y, pushed.y_dot), back)


def _pool(kind: type[nn.Module], arguments: Sequence[Any], options: Mapping[str, Any]) -> Made:
    """As the layer of the same settings."""
    given = {name: value for name, value in options.items() if (name, value) != ("return_indices", False)}
    return _layer(kind(*arguments[1:], **given), arguments[:1], {})
