"""PyTorch's own layers put into the form that a differentiated training needs, in anyone's model.

    nn.BatchNorm1d, 2d, 3d, nn.SyncBatchNorm     running statistics that pass derivatives on
    nn.Dropout…, nn.AlphaDropout, nn.RReLU       noise that is a function of the sample's key
    nn.MultiheadAttention with dropout           the same for its weights

Parameters, names and semantics are kept: the taken-over layer holds the same tensors. Layers of a class of their own
that derives from one of these are left alone; the trial (:mod:`hydra_steps.process.trial`) judges them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from torch import nn

from hydra_steps.errors import StudyError
from hydra_steps.models.dropout import (
    Keyed,
    KeyedAlphaDropout,
    KeyedAttention,
    KeyedChannelDropout,
    KeyedDropout,
    KeyedLeaks,
)
from hydra_steps.models.layers import BatchNorm

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
NOISES: dict[type[nn.Module], Callable[..., nn.Module]] = {
    nn.Dropout: lambda layer, stream: KeyedDropout(layer.p, stream),
    nn.Dropout1d: lambda layer, stream: KeyedChannelDropout(layer.p, stream),
    nn.Dropout2d: lambda layer, stream: KeyedChannelDropout(layer.p, stream),
    nn.Dropout3d: lambda layer, stream: KeyedChannelDropout(layer.p, stream),
    nn.AlphaDropout: lambda layer, stream: KeyedAlphaDropout(layer.p, stream),
    nn.FeatureAlphaDropout: lambda layer, stream: KeyedAlphaDropout(layer.p, stream, channels=True),
    nn.RReLU: lambda layer, stream: KeyedLeaks(layer.lower, layer.upper, stream),
}
_HOOKS = ("_forward", "_backward")


def take_over(module: nn.Module) -> nn.Module:
    """``module`` with all known layers replaced, in place; the replacement where it is one itself.

    A layer that stands at several places stays one layer. Raises :class:`StudyError` for a layer of these kinds with
    settings that have no exact form.
    """
    used = [layer.stream for layer in module.modules() if isinstance(layer, Keyed)]
    streams = itertools.count(max(used, default=-1) + 1)
    taken = {id(layer): _taken(name, layer, streams) for name, layer in module.named_modules()}
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if taken[id(child)] is not child:
                parent._modules[name] = taken[id(child)]
    return taken[id(module)]


def _taken(name: str, layer: nn.Module, streams: Iterator[int]) -> nn.Module:
    kind = type(layer)
    made: nn.Module
    if "forward" in vars(layer):
        return layer  # it is called otherwise than its class says
    if kind in NORMS:
        made = _batch_norm(name, layer)
    elif kind in NOISES:
        made = NOISES[kind](layer, next(streams))
    elif kind is nn.MultiheadAttention and layer.dropout > 0:  # type: ignore[operator]  # a number
        if layer.bias_k is not None or layer.add_zero_attn:
            raise StudyError(
                f"the layer {name!r} is attention with dropout, and with add_bias_kv or add_zero_attn",
                "dropout, or one of these two",
                "set dropout of the layer to 0",
            )
        layer.__class__ = KeyedAttention  # its parents ask it for more than its call
        layer.stream = next(streams)  # of the class it now has
        return layer
    else:
        return layer
    made.train(layer.training)
    for key, value in vars(layer).items():
        if key.startswith(_HOOKS):
            setattr(made, key, value)
    return made


def _batch_norm(name: str, layer: nn.Module) -> BatchNorm:
    assert isinstance(layer, NORMS)
    if layer.running_mean is None:
        raise StudyError(
            f"the layer {name!r} is batch norm without running statistics: what it says of a sample depends on which "
            "others are asked about",
            "a loss of each test sample",
            "set track_running_stats of the layer to true",
        )
    if layer.momentum is None:
        raise StudyError(
            f"the layer {name!r} is batch norm with momentum None, an average over all steps so far",
            "a number",
            "set momentum of the layer to a number such as 0.1",
        )
    made = BatchNorm(layer.num_features, layer.momentum, layer.eps, layer.affine)
    made.weight, made.bias = layer.weight, layer.bias
    made._buffers |= {name: layer._buffers[name] for name in ("running_mean", "running_var")}
    return made
