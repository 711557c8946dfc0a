"""Modules whose ``forward`` joins known layers by known operations: a graph of them, as ``torch.fx`` records it.

A recording is of one call with stand-ins for tensors. It is taken only where it can say all that the module does: no
choice between training and evaluation, no parameter, running average or constant tensor outside of the layers, no
gradient of its own, every layer called once. What stand-ins cannot show (a choice by the type of the input) is found
where the graph is first used (:func:`hydra_steps.process.linearise.prove`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
from torch import Tensor, fx, nn

from hydra_steps.models.altered import alteration
from hydra_steps.tangents.moving import Back, Moving
from hydra_steps.tangents.operations import Operation, call, is_static, operation
from hydra_steps.tangents.passing import Pass, Step, total
from hydra_steps.tangents.several import SEVERAL, output, takes_known


class Traced(NamedTuple):
    """The graph of a module, the layers that it calls and the parameters that it uses itself, by their names there, and
    the rules of its operations."""

    graph: fx.Graph
    layers: dict[str, nn.Module]
    parameters: dict[str, tuple[nn.Module, str]]
    operations: dict[fx.Node, Operation]


class NotTraced(Exception):
    """Why a module has no graph, in words that follow its name."""


def trace(module: nn.Module, known: Collection[type[nn.Module]]) -> Traced:
    """The graph of ``module`` whose layers are of ``known`` classes; raises :class:`NotTraced`."""
    graph, other = (_recorded(module, mode, known) for mode in (True, False))
    if str(graph) != str(other):
        raise NotTraced("does something else in evaluation")
    layers: dict[str, nn.Module] = {}
    parameters: dict[str, tuple[nn.Module, str]] = {}
    operations: dict[fx.Node, Operation] = {}
    for node in graph.nodes:
        name = str(node.target)
        if node.op == "call_module":
            layers[name] = module.get_submodule(name)
        elif node.op == "get_attr":
            parent, _, own = name.rpartition(".")
            parameters[name] = module.get_submodule(parent), own
        elif node.op in ("call_function", "call_method") and not is_static(node):
            rule = output(node, layers) or operation(node)
            if rule is None:
                raise NotTraced(f"calls {_name(node)}, which has no rule there")
            operations[node] = rule
    _check(module, Traced(graph, layers, parameters, operations))
    return Traced(graph, layers, parameters, operations)


def through_graph(chain: Pass, x: Tensor, x_dot: Tensor | None, traced: Traced) -> Step:
    """The graph's output for x [b, …] and its tangents ẋ [b, q, …], and the way back through every path."""
    values: dict[fx.Node, Any] = {}
    backs: list[tuple[fx.Node, list[fx.Node], Back]] = []
    for node in traced.graph.nodes:
        if node.op == "placeholder":
            start, values[node] = node, Moving(x, x_dot)
        elif node.op == "get_attr":
            values[node] = _parameter(chain, *traced.parameters[str(node.target)])
        elif node.op == "call_module":
            values[node], back = _through(chain, traced.layers[str(node.target)], values[node.args[0]])
            backs.append((node, [node.args[0]], back))
        elif node.op == "output":
            result = node.args[0]
        elif is_static(node):
            values[node] = call(node, _known(node.args, values, plain=True), _known(node.kwargs, values))
        else:
            made = traced.operations[node](_known(node.args, values), _known(node.kwargs, values))
            values[node] = made.value
            backs.append((node, [given for given in _inputs(node) if not is_static(given)], made.back))
    made_last: Moving = values[result]
    if made_last.free:
        raise ValueError("no rule for an output that is free of the samples")

    def back_through_all(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor | None]:
        cotangents: dict[fx.Node, tuple[Tensor | None, Tensor | None]] = {result: (delta, delta_dot)}
        for node, inputs, back in reversed(backs):
            d, e = cotangents.pop(node, (None, None))
            if e is None:
                continue
            for given, (its_d, its_e) in zip(inputs, back(d, e), strict=True):
                before_d, before_e = cotangents.get(given, (None, None))
                cotangents[given] = total(before_d, its_d), total(before_e, its_e)
        for node, (_, e) in cotangents.items():
            if node.op == "get_attr" and e is not None:
                owner, name = traced.parameters[str(node.target)]
                if name in chain.dots.get(owner, {}):
                    chain.bars.setdefault(owner, {})[name] = e
        d, e = cotangents.get(start, (None, None))
        return (None, None) if x_dot is None else (d, e)

    return Step(made_last.y, made_last.y_dot, back_through_all)


def _parameter(chain: Pass, owner: nn.Module, name: str) -> Moving:
    return Moving(getattr(owner, name), chain.dots.get(owner, {}).get(name), free=True)


def _through(chain: Pass, layer: nn.Module, given: Moving) -> tuple[Moving, Back]:
    if given.free:
        raise ValueError("no rule for a layer of what is free of the samples")
    y, y_dot, back = chain.through(layer, given.y, given.y_dot)

    def only(delta: Tensor | None, delta_dot: Tensor) -> Any:
        return [back(delta, delta_dot)]

    return Moving(y, y_dot), only


def _known(part: Any, values: Mapping[fx.Node, Any], plain: bool = False) -> Any:
    """Arguments with their values in place of the nodes; ``plain``: of moving ones the value alone."""

    def value(node: fx.Node) -> Any:
        found = values[node]
        return found.y if plain and isinstance(found, Moving) else found

    return fx.node.map_arg(part, value)


def _inputs(node: fx.Node) -> list[fx.Node]:
    """The nodes among the arguments, in their order, as often as they stand there."""
    found: list[fx.Node] = []
    fx.node.map_arg((node.args, node.kwargs), found.append)
    return found


class _Recorder(fx.Tracer):
    def __init__(self, known: Collection[type[nn.Module]]) -> None:
        super().__init__()
        self._known = known

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Known layers, and PyTorch's own that are not: but sequences are looked into."""
        if altered := alteration(m):
            raise NotTraced(f"calls {module_qualified_name!r} ({type(m).__name__}), which {altered}")
        return type(m) in self._known or super().is_leaf_module(m, module_qualified_name)


def _recorded(module: nn.Module, training: bool, known: Collection[type[nn.Module]]) -> fx.Graph:
    try:
        with _as_it_is(module), patch.object(torch.autograd.Function, "apply", _own_gradient):
            graph = _Recorder(known).trace(module.train(training))
    except NotTraced:
        raise
    except Exception as error:  # whatever anyone's forward does with a stand-in
        raise NotTraced(
            "chooses its way by what is in its input, or does what torch.fx cannot record"
        ) from error
    for node in reversed(graph.nodes):
        if node.op in ("call_function", "call_method", "get_attr") and not node.users:
            graph.erase_node(node)
    return graph


def _own_gradient(*_: Any, **__: Any) -> Any:
    raise NotTraced("has a gradient of its own")


def _check(module: nn.Module, traced: Traced) -> None:
    """Raise :class:`NotTraced` for what the graph does not show, and for layers that are not called as their rules say.

    Each layer's parameters and running averages have one place, and all of the module's have one.
    """
    graph, layers = traced.graph, traced.layers
    if sum(node.op == "placeholder" for node in graph.nodes) != 1:
        raise NotTraced("takes more than one input")
    for node in graph.nodes:
        if node.op == "get_attr" and not _is_parameter(*traced.parameters[str(node.target)]):
            raise NotTraced(f"uses {_name(node)!r}, which is no parameter, outside of a layer")
        if node.op == "call_module" and not _calls_one(node, layers):
            raise NotTraced(f"gives {_name(node)!r} more than one input, or takes more than one output of it")
        if node.op == "output" and is_static(node.args[0]):
            raise NotTraced("gives more than one output")
    _check_parts(module, traced)


def _check_parts(module: nn.Module, traced: Traced) -> None:
    called = [traced.layers[str(node.target)] for node in traced.graph.nodes if node.op == "call_module"]
    own = [id(layer) for layer in called if next(_parts(layer), None) is not None]
    if len(set(own)) != len(own):
        raise NotTraced("calls a layer twice")
    held = {id(part) for layer in called for part in _parts(layer)}
    used = {id(getattr(owner, name)) for owner, name in traced.parameters.values()}
    if held & used:
        raise NotTraced("uses a layer's parameter outside of it")
    if any(id(part) not in held | used for part in _parts(module)):
        raise NotTraced("has parameters or running averages outside of the layers that it calls")


def _name(node: fx.Node) -> str:
    return str(getattr(node.target, "__name__", node.target))


def _calls_one(node: fx.Node, layers: Mapping[str, nn.Module]) -> bool:
    """Whether a layer is given one input, and its one output taken."""
    layer = layers[str(node.target)]
    if type(layer) not in SEVERAL:
        return len(node.args) == 1 and isinstance(node.args[0], fx.Node) and not node.kwargs
    inputs = 3 if isinstance(layer, nn.MultiheadAttention) else 1
    given = len(node.args) == inputs and len(set(node.args)) == 1 and not set(node.kwargs) - {"need_weights"}
    return given and takes_known(node, layers)


def _is_parameter(owner: nn.Module, name: str) -> bool:
    return isinstance(getattr(owner, name, None), nn.Parameter)


def _parts(module: nn.Module) -> Iterator[Tensor]:
    yield from module.parameters()
    yield from (buffer for buffer in module.buffers() if buffer.is_floating_point())


@contextmanager
def _as_it_is(module: nn.Module) -> Iterator[None]:
    """Undo what a recording leaves behind in the modules' attributes, parameters and buffers."""
    before = [
        (held, dict(held))
        for layer in module.modules()
        for held in (vars(layer), layer._parameters, layer._buffers, layer._modules)
    ]
    try:
        yield
    finally:
        for held, content in before:
            held.clear()
            held.update(content)
