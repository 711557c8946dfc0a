"""The registry of models: a name of the configuration → a ``torch.nn.Module`` sized to the images.

Adding a model is one file with one function under :func:`model`, its line in ``_FILES``, its schema entry and
its test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import torch
from torch import nn

from hydra_steps.errors import StudyError, nearest

Builder = Callable[..., nn.Module]
_BUILDERS: dict[str, Builder] = {}
_FILES = ("lenet5", "mlp", "logistic", "densenet")


def model(name: str) -> Callable[[Builder], Builder]:
    """Register ``builder(image_shape, classes, options) -> nn.Module`` under ``name``."""

    def register(builder: Builder) -> Builder:
        _BUILDERS[name] = builder
        return builder

    return register


def model_names() -> list[str]:
    """The names of all models, sorted."""
    for file in _FILES:
        import_module(f"hydra_steps.models.{file}")
    return sorted(_BUILDERS)


def build_model(
    name: str, image_shape: tuple[int, int, int], classes: int, options: Mapping[str, Any], seed: int
) -> nn.Module:
    """Build model ``name`` for images [channels, height, width] and ``classes`` outputs.

    The parameters take PyTorch's default initialisation from a generator seeded with ``seed``; the global generator
    is left as it was. Raises :class:`StudyError` for an unknown name or an image too small for the model.
    """
    known = model_names()
    if name not in _BUILDERS:
        raise StudyError(f"model {name!r} is unknown", fix=nearest(name, known))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _BUILDERS[name](image_shape, classes, options)
