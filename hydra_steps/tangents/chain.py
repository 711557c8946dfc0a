"""Several tangents of the parameters pushed through a model's layers, and cotangents pulled back along them.

A layer's rule takes its input x [b, …] and the inputs' tangents ẋ [b, q, …], one for each direction, and gives y, ẏ and
the way back: from the cotangent δ of y and its tangents ε to those of x, and to the tangents of the parameters'
gradients w̄, b̄. This is the backward pass, differentiated forwards:

    linear, convolution    y = w ∗ x + b      ẏ = w ∗ ẋ + ẇ ∗ x + ḃ
                           δ ← wᵀ ∗ δ         ε ← wᵀ ∗ ε + ẇᵀ ∗ δ         w̄ = ε ∗ x + δ ∗ ẋ      b̄ = Σ ε
    tanh                   y = tanh x         ẏ = (1 − y²) ẋ
                           δ ← (1 − y²) δ     ε ← (1 − y²) ε − 2 y ẏ δ
    ReLU, pooling, dropout linear in x on the path that x takes: ẏ goes the way of y, and ε that of δ
    sum of two branches    ẏ = the sum of both ẏ        δ, ε go back through both, and are added

With δ = (w_n/|B|) ∂ℓ_n/∂z and its tangent ε = (w_n/|B|) (∂²ℓ_n/∂z²) ż the parameters receive H u_q; without δ they
receive the Gauss–Newton product G u_q. x, y and δ are made once for all directions. The directions come after the
samples, so that [b, q, c, …] is read as b·q images by convolutions with w, and as b images of q·c channels by those
with ẇ: wide convolutions, which fill a processor's vector lanes, where one direction's few channels do not.

PyTorch's forward mode does the same for any model, one direction at a time; the tests compare the rules with it.
Convolutions (:mod:`.convolutions`), normalisation (:mod:`.norms`), smooth activations (:mod:`.activations`), what is
linear or a function of each number (:mod:`.generic`), attention (:mod:`.attention`), recurrent layers
(:mod:`.recurrent`) and whole blocks (:mod:`.blocks`) have theirs in files of their own. The new statistics of batch
norm are outputs, too: their tangents come out, and their cotangents enter ε.
Index letters: b samples, q directions, p parameters, r buffers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hydra_steps.models.altered import alteration
from hydra_steps.tangents.activations import ACTIVATIONS
from hydra_steps.tangents.attention import lacks
from hydra_steps.tangents.blocks import BLOCKS
from hydra_steps.tangents.convolutions import CONVOLUTIONS
from hydra_steps.tangents.generic import BY_ITSELF, GENERIC, by_itself
from hydra_steps.tangents.graph import NotTraced, Traced, through_graph, trace
from hydra_steps.tangents.layers import LAYERS
from hydra_steps.tangents.norms import NORMS
from hydra_steps.tangents.passing import Graph, Pass, Step, entered
from hydra_steps.tangents.pools import POOLS
from hydra_steps.tangents.recurrent import RECURRENT, serves
from hydra_steps.tangents.rule import Dots, Rule

RULES: dict[type[nn.Module], Rule] = {**LAYERS, **POOLS, **ACTIVATIONS, **NORMS, **GENERIC}


Graphs = dict[nn.Module, Traced]


class Plan(NamedTuple):
    """Why a module is not served by :func:`push`, in words that name the layer, empty where it is; the graphs of the
    parts that are no layer with a rule; and the layers whose parameters are not trained."""

    reason: str
    graphs: Graphs
    frozen: frozenset[nn.Module]


def without_rules(module: nn.Module) -> str:
    """Why ``module`` is not served by :func:`push`, in words that name the layer; empty where it is."""
    return plan(module).reason


def plan(module: nn.Module) -> Plan:
    """How ``module`` is served by :func:`push`, or why not.

    It must be a layer with a rule, a plain sequence of such (``nn.Sequential`` itself and no class derived from it,
    whose layers are called one after the other, as their classes say), or a module whose ``forward`` joins such by
    operations with a rule (:mod:`.graph`); each parameter once, and of a layer all trained, or none.
    """
    graphs: Graphs = {}
    frozen: set[nn.Module] = set()
    reason = _planned(module, graphs, frozen)
    return Plan(reason, {} if reason else graphs, frozenset() if reason else frozenset(frozen))


def _planned(module: nn.Module, graphs: Graphs, frozen: set[nn.Module]) -> str:
    seen: set[int] = set()
    for name, layer in _named(module, graphs):
        called = (
            f"{name!r} ({type(layer).__name__})" if name else f"the model itself ({type(layer).__name__})"
        )
        if altered := alteration(layer):
            return f"{called} {altered}"
        if type(layer) is nn.Sequential:
            continue
        known = type(layer) in RULES or type(layer) in BLOCKS
        if not known and not _is_torchs(layer):
            try:
                graphs[layer] = trace(layer, {*RULES, *BLOCKS})
            except NotTraced as why:
                return f"{called} {why}"
            continue
        if why_not := _lacks(layer) if known else "has no rule":
            return f"{called} {why_not}"
        own = list(layer.parameters(recurse=False))
        if own and not any(parameter.requires_grad for parameter in own):
            frozen.add(layer)
        if {id(parameter) for parameter in own} & seen:
            return f"{called} is used twice, or shares a parameter"
        seen |= {id(parameter) for parameter in own}
    return ""


def _lacks(layer: nn.Module) -> str:
    """Why a known layer is not served, in words."""
    if not _has_rule_for(layer):
        return "has no rule"
    trained = [parameter.requires_grad for parameter in layer.parameters(recurse=False)]
    if not all(trained) and (any(trained) or type(layer) in BLOCKS):
        return "is frozen, or in part"
    if isinstance(layer, (nn.TransformerEncoderLayer, nn.MultiheadAttention)):
        return lacks(layer)
    return ""


def _is_torchs(layer: nn.Module) -> bool:
    """Whether the class is PyTorch's own, whose forward is often one operation of many settings."""
    return type(layer).__module__.startswith("torch.nn.")


def _named(module: nn.Module, graphs: Graphs, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The module and, of plain sequences, of blocks and of what has a graph, all that they hold, as often as it stands
    there."""
    if type(module) is not nn.ModuleList:
        yield name, module
    if module in graphs:
        children = list(graphs[module].layers.items())
    elif type(module) in (nn.Sequential, nn.ModuleList) or type(module) in BLOCKS:
        children = [(own, child) for own, child in module._modules.items() if child is not None]
    else:
        children = []
    for own, child in children:
        yield from _named(child, graphs, f"{name}.{own}".strip("."))


def _has_rule_for(layer: nn.Module) -> bool:
    """Whether the rule of a layer's class serves its settings."""
    if isinstance(layer, CONVOLUTIONS):
        return layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    if isinstance(layer, nn.Flatten):
        return (layer.start_dim, layer.end_dim) == (1, -1)
    if isinstance(layer, nn.Embedding):
        return (layer.padding_idx, layer.max_norm) == (None, None) and not (
            layer.sparse or layer.scale_grad_by_freq
        )
    if isinstance(layer, RECURRENT):
        return serves(layer)
    if isinstance(layer, nn.LayerNorm):
        return len(layer.normalized_shape) == 1
    if isinstance(layer, nn.AvgPool2d):
        return layer.stride is not None
    if type(layer) in BY_ITSELF and any(buffer.is_floating_point() for buffer in layer.buffers()):
        return False
    return not getattr(layer, "return_indices", False)


def push(
    module: nn.Module,
    x: Tensor,
    dots: Mapping[nn.Module, Dots],
    buffers_dot: Mapping[nn.Module, Dots] | None = None,
    planned: Plan | None = None,
) -> tuple[Pass, Step]:
    """y [b, …] and ẏ [b, q, …] of ``module`` at x along ``dots``, and the way back to the parameters; ``planned`` is
    what :func:`plan` says of it.

    The pass has the tangents of the buffers after the step, takes their cotangents (``buffers_bar``), and once
    ``step.back`` is called with (δ or None, ε) of y, ``bars`` and ``before_bar``. To be called without autograd, which
    is not used.
    """
    parts: dict[nn.Module, Graph] = {}
    if planned is not None:
        parts |= {layer: partial(through_graph, traced=traced) for layer, traced in planned.graphs.items()}
        parts |= {layer: partial(_still, layer) for layer in planned.frozen}
    chain = Pass(RULES, BLOCKS, dots, buffers_dot or {}, parts)
    with torch.no_grad():
        return chain, chain.through(module, x, None)


def _still(layer: nn.Module, chain: Pass, x: Tensor, x_dot: Tensor | None) -> Step:
    """A layer whose parameters are not trained."""
    return entered(by_itself(layer, x, x_dot, {}), x_dot, lambda bars: None)
