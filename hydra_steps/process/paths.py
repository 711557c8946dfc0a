"""The three ways to the second derivative of a model's losses, and which one a model takes.

    layer rules      many directions in one pass (:mod:`hydra_steps.tangents`); for plain sequences of known layers, the
                     blocks that are known as a whole, and modules that join such by known operations; batch norm in
                     training, its samples counted alike
    forward mode     PyTorch's, for one direction without the exact Hessian, where it is the cheapest; for compositions
                     of layers that it was shown right for; all else of theirs goes
    twice backward   a backward pass through the backward pass, shared by many directions where PyTorch can map it over
                     them; right for whatever PyTorch can differentiate twice

PyTorch's forward-mode formulas of some layers (layer norm, instance norm) lose a term when they are differentiated
again, without a word: so that is never done, and forward mode serves only the classes in ``KNOWN``, called as they are
written; the tests measure each against twice backward.
"""

from __future__ import annotations

from enum import StrEnum

from torch import nn

from hydra_steps.models.altered import alteration
from hydra_steps.models.dropout import KeyedAlphaDropout, KeyedChannelDropout, KeyedDropout
from hydra_steps.models.layers import BatchNorm
from hydra_steps.models.pooling import AveragePool, MaxPool
from hydra_steps.tangents.chain import without_rules

KNOWN: frozenset[type[nn.Module]] = frozenset(
    {
        *(nn.Sequential, nn.Identity, nn.Flatten, nn.Unflatten),
        *(nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d),
        *(nn.Tanh, nn.ReLU, nn.LeakyReLU, nn.Sigmoid, nn.GELU, nn.Softplus, nn.ELU),
        *(nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.MaxPool2d, AveragePool, MaxPool),
        *(BatchNorm, KeyedDropout, KeyedChannelDropout, KeyedAlphaDropout),
    }
)
BLOCK, COLOURS = 16, 4  # channels that are computed together; of images before the first convolution


class Path(StrEnum):
    """See the module's docstring."""

    RULES = "layer rules"
    FORWARD = "forward mode"
    BACKWARD = "twice backward"


def choose_path(module: nn.Module) -> tuple[Path, str]:
    """The fastest path that is right for ``module``, and in words why it is not a faster one (empty for the rules).

    A class of this package's that composes known layers says so by its attribute ``forward_mode``.
    """
    no_rules, no_forward = without_rules(module), without_forward_mode(module)
    if not no_rules:
        return Path.RULES, ""
    return (Path.BACKWARD if no_forward else Path.FORWARD), no_rules


def without_forward_mode(module: nn.Module) -> str:
    """Why forward mode is not known to be right for ``module``, in words that name the layer; empty where it is."""
    for name, layer in module.named_modules():
        called = (
            f"{name!r} ({type(layer).__name__})" if name else f"the model itself ({type(layer).__name__})"
        )
        if altered := alteration(layer):
            return f"{called} {altered}"
        if type(layer) not in KNOWN and "forward_mode" not in vars(type(layer)):
            return f"forward mode is not known to be right for {called}"
    return ""


def in_blocks(module: nn.Module) -> bool:
    """Whether all convolutions of images have channels in sixteens, but for the colours of the first
    (:mod:`hydra_steps.process.layout`)."""
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    return bool(layers) and all(
        layer.groups == 1
        and layer.out_channels % BLOCK == 0
        and (layer.in_channels % BLOCK == 0 or layer.in_channels <= COLOURS)
        for layer in layers
    )
