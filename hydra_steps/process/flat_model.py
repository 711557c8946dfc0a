"""A model as a function of one flat parameter vector (P,) and one flat buffer vector (R,).

The optimizer is then a handful of whole-vector operations, a checkpoint is one row of an array, and a dot
product is one call. Parameters keep the order of ``named_parameters()``; views are taken with one ``split``,
whose backward is one concatenation, so the gradient arrives flat as well.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hydra_steps.models.layers import BatchNorm, KeyedDropout
from hydra_steps.models.pooling import pool_first
from hydra_steps.tangents.chain import push, supports

LIGHT = (nn.Sequential, nn.Flatten, nn.Linear, nn.Tanh, nn.ReLU, BatchNorm, KeyedDropout)
Entry = tuple[str, tuple[int, ...], int]  # name, shape, offset


def _entries(named: Sequence[tuple[str, Tensor]]) -> list[Entry]:
    offset, entries = 0, []
    for name, tensor in named:
        entries.append((name, tuple(tensor.shape), offset))
        offset += tensor.numel()
    return entries


def _flatten(tensors: list[Tensor]) -> Tensor:
    return torch.cat([t.detach().reshape(-1) for t in tensors]) if tensors else torch.zeros(0)


class FlatModel:
    """``module`` stripped of its own parameters and bound, call by call, to slices of flat vectors.

    ``layout`` and ``buffer_layout`` list (name, shape, offset); ``initial`` (P,) and ``initial_buffers`` (R,)
    hold the module's values. ``has_rules``: :meth:`push` serves it.
    Attributes are set on a private copy of the module: one FlatModel serves one thread.
    """

    def __init__(self, module: nn.Module) -> None:
        module = pool_first(copy.deepcopy(module))
        parameters = list(module.named_parameters())
        buffers = list(module.named_buffers())
        self.layout, self.buffer_layout = _entries(parameters), _entries(buffers)
        self.initial = _flatten([p for _, p in parameters])
        self.initial_buffers = _flatten([b for _, b in buffers])
        self._sizes = [p.numel() for _, p in parameters]
        self._buffer_sizes = [b.numel() for _, b in buffers]
        split_names = [name.rpartition(".") for name, _ in parameters]
        self._owners = [(module.get_submodule(owner), attribute) for owner, _, attribute in split_names]
        self._places = [self._take_out(module, name, "_parameters") for name, _ in parameters]
        self._buffer_places = [self._take_out(module, name, "_buffers") for name, _ in buffers]
        self.has_rules = supports(module)
        self._norms = [m for m in module.modules() if isinstance(m, BatchNorm)]
        self._dropouts = [m for m in module.modules() if isinstance(m, KeyedDropout)]
        self._module = module
        module.eval()

    @staticmethod
    def _take_out(module: nn.Module, name: str, registry: str) -> tuple[dict[str, Any], str]:
        """Turn a registered tensor into a plain attribute, which binding then sets without any machinery."""
        owner_name, _, attribute = name.rpartition(".")
        owner = module.get_submodule(owner_name)
        del getattr(owner, registry)[attribute]
        return owner.__dict__, attribute

    @property
    def coupled(self) -> bool:
        """Whether a sample's loss depends on the others in its batch (batch norm)."""
        return bool(self._norms)

    @property
    def light(self) -> bool:
        """Whether a pass is mostly the calling of small operations (linear layers): then several at once pay off on one
        processor core, too.
        """
        return all(isinstance(module, LIGHT) for module in self._module.modules())

    def views(self, parameters: Tensor) -> list[Tensor]:
        """Named-shape views of a flat vector: (P,) → tensors in the layout's order."""
        pieces = parameters.split(self._sizes)
        return [piece.view(shape) for piece, (_, shape, _) in zip(pieces, self.layout, strict=True)]

    def _bind(self, parameters: Tensor, buffers: Tensor) -> None:
        for (place, attribute), view in zip(self._places, self.views(parameters), strict=True):
            place[attribute] = view
        if self._buffer_places:
            pieces = buffers.split(self._buffer_sizes)
            for (place, attribute), piece, (_, shape, _) in zip(
                self._buffer_places, pieces, self.buffer_layout, strict=True
            ):
                place[attribute] = piece.view(shape)

    def _prepare(
        self,
        training: bool,
        keys: Tensor | None = None,
        differentiable: bool = False,
        weights: Tensor | None = None,
    ) -> None:
        """Put the module in its mode, which is left as it is until another is asked for: ``train()`` and ``eval()``
        walk all submodules, too slow for every step.
        """
        if self._module.training != training:
            self._module.train(training)
        for dropout in self._dropouts:
            dropout.keys = keys
        for norm in self._norms:
            norm.differentiable_statistics = differentiable
            norm.weights = weights

    def train_logits(
        self,
        parameters: Tensor,
        buffers: Tensor,
        images: Tensor,
        keys: Tensor | None,
        differentiable: bool = False,
        weights: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Logits [b, c] in training mode, and the buffers after the step [R].

        ``differentiable`` keeps the new buffers' graph to the parameters; ``weights`` [b] weight the samples in batch
        norm's statistics, None counts all alike.
        """
        self._prepare(True, keys, differentiable, weights)
        self._bind(parameters, buffers)
        logits = self._module(images)
        if not self._buffer_places:
            return logits, buffers
        return logits, torch.cat([place[name].reshape(-1) for place, name in self._buffer_places])

    def push(
        self,
        parameters: Tensor,
        directions: Tensor,
        buffers: Tensor,
        images: Tensor,
        keys: Tensor | None,
        training: bool = True,
    ) -> tuple[Tensor, Tensor, Callable[[Tensor | None, Tensor], Tensor]]:
        """Logits z [b, c], their tangents ż [b, q, c] along ``directions`` [q, p], and the way back.

        For models with rules (``has_rules``). The way back maps a cotangent δ [b, c] of z (or None) and its tangents
        [b, q, c] to the tangents of the parameters' gradient [q, p]; see :mod:`hydra_steps.tangents.chain`.
        """
        dots: dict[nn.Module, dict[str, Tensor]] = {}
        pieces = directions.split(self._sizes, 1)
        for (owner, attribute), piece, (_, shape, _) in zip(self._owners, pieces, self.layout, strict=True):
            dots.setdefault(owner, {})[attribute] = piece.view(-1, *shape)
        self._prepare(training, keys)
        self._bind(parameters, buffers)
        logits, logits_dot, pull = push(self._module, images, dots)
        assert logits_dot is not None  # the last layers have parameters

        def gradients_dot(delta: Tensor | None, delta_dot: Tensor) -> Tensor:
            bars = pull(delta, delta_dot)
            return torch.cat([bars[owner][name].flatten(1) for owner, name in self._owners], 1)

        return logits, logits_dot, gradients_dot

    def logits(self, parameters: Tensor, buffers: Tensor, images: Tensor) -> Tensor:
        """Logits [n, c] in evaluation mode."""
        self._prepare(False)
        self._bind(parameters, buffers)
        logits: Tensor = self._module(images)
        return logits

    def state_dict(self, parameters: Tensor, buffers: Tensor) -> dict[str, Tensor]:
        """The ordinary ``state_dict`` of the module at this point, as copies."""
        named = {
            name: view.clone() for (name, _, _), view in zip(self.layout, self.views(parameters), strict=True)
        }
        if self._buffer_places:
            pieces = buffers.split(self._buffer_sizes)
            for (name, shape, _), piece in zip(self.buffer_layout, pieces, strict=True):
                named[name] = piece.view(shape).clone()
        return named
