"""From a model's name to a ``torch.nn.Module`` sized to the samples.

A model is one function under :func:`hydra_steps.registry.decorators.model`, in a file of this folder or in a study's
plug-in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from hydra_steps.data.group import Group, Shape, called
from hydra_steps.errors import StudyError
from hydra_steps.models.take_over import take_over
from hydra_steps.registry import Entry, find, load
from hydra_steps.registry.options import options_of


def build_model(
    name: str,
    shape: Sequence[int] | Mapping[str, Sequence[int]],
    outputs: int,
    options: Mapping[str, Any],
    seed: int,
) -> nn.Module:
    """Build model ``name`` for samples of ``shape``, images' (channels, height, width), with ``outputs`` outputs.

    Options that are not given take their defaults. The parameters take PyTorch's default initialisation from a
    generator seeded with ``seed``; the global generator is left as it was. PyTorch's own batch norm and dropout are
    taken over (:mod:`hydra_steps.models.take_over`). Raises :class:`StudyError` for an unknown name or option, and for
    samples that the model cannot take.
    """
    return take_over(plain_model(name, shape, outputs, options, seed))


def plain_model(
    name: str,
    shape: Sequence[int] | Mapping[str, Sequence[int]],
    outputs: int,
    options: Mapping[str, Any],
    seed: int,
) -> nn.Module:
    """:func:`build_model` as the model's author wrote it, no layer taken over. Lazy layers have seen a sample."""
    entry = find("model", name, "model.name")
    chosen = options_of(entry, options, "model")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = _call(load("model", name), entry, of_sample(shape), outputs, chosen)
        if not isinstance(module, nn.Module):
            raise StudyError(
                f"the model {name!r} returned a {type(module).__name__}",
                "a torch.nn.Module",
                "mend its function",
            )
        if any(is_lazy(parameter) for parameter in module.parameters()):
            with torch.no_grad():
                called(module.eval(), zeros(shape, 2))
            module.train()
    return module


def of_sample(shape: Sequence[int] | Mapping[str, Sequence[int]]) -> Shape:
    """The shape of a sample as models are given it: a tuple, or tuples by name."""
    if isinstance(shape, Mapping):
        return {name: tuple(sizes) for name, sizes in shape.items()}
    return tuple(shape)


def zeros(shape: Sequence[int] | Mapping[str, Sequence[int]], samples: int) -> Any:
    """Samples of zeros, of a group a group."""
    if isinstance(shape, Mapping):
        return Group({name: torch.zeros(samples, *sizes) for name, sizes in shape.items()})
    return torch.zeros(samples, *shape)


def _call(
    function: Callable[..., Any],
    entry: Entry,
    shape: Shape,
    outputs: int,
    options: Mapping[str, Any],
) -> Any:
    """Call what makes the module; one that was written for no study is given what it has a parameter for."""
    if not entry.traits.get("undeclared"):
        return function(shape, outputs, **options)
    known = {"shape": shape, "outputs": outputs}
    try:
        return function(**{name: known[name] for name in entry.given}, **options)
    except StudyError:
        raise
    except Exception as error:
        raise StudyError(
            f"the model {entry.name} ({entry.where}) fails with {dict(options)}: {type(error).__name__}: {error}",
            "a module",
            "mend it, or change its options",
        ) from error
