"""A model as a function of one flat parameter vector (P,) and one flat buffer vector (R,).

The optimizer is then a handful of whole-vector operations, a checkpoint is one row of an array, and a dot
product is one call. Parameters keep the order of ``named_parameters()``; views are taken with one ``split``,
whose backward is one concatenation, so the gradient arrives flat as well.

A parameter that several places share stands in the vector once and is bound at all of them. Frozen parameters
(``requires_grad`` false) and buffers that hold no floating-point numbers are constants of the module.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from hydra_steps.data.group import called
from hydra_steps.models.altered import alteration
from hydra_steps.models.dropout import Keyed, KeyedDropout
from hydra_steps.models.layers import BatchNorm
from hydra_steps.models.pooling import pool_first
from hydra_steps.process.binding import own_copy, take_out
from hydra_steps.process.paths import Path, choose_path
from hydra_steps.tangents.chain import push

LIGHT = (nn.Sequential, nn.Flatten, nn.Linear, nn.Tanh, nn.ReLU, BatchNorm, KeyedDropout)
Entry = tuple[str, tuple[int, ...], int]  # name, shape, offset
Named = Sequence[tuple[str, Tensor]]


def _entries(named: Named) -> list[Entry]:
    offset, entries = 0, []
    for name, tensor in named:
        entries.append((name, tuple(tensor.shape), offset))
        offset += tensor.numel()
    return entries


def by_sample(outputs: Any) -> Any:
    """Outputs [b, …] of a module as a row for each sample [b, c]; what is no tensor is left for the trial to refuse."""
    if not isinstance(outputs, Tensor) or outputs.ndim in (0, 2):
        return outputs
    return outputs[:, None] if outputs.ndim == 1 else outputs.flatten(1)


def _flatten(tensors: list[Tensor]) -> Tensor:
    return torch.cat([t.detach().reshape(-1) for t in tensors]) if tensors else torch.zeros(0)


class FlatModel:
    """``module`` stripped of its own parameters and bound, call by call, to slices of flat vectors.

    ``layout`` and ``buffer_layout`` list (name, shape, offset); ``initial`` (P,) and ``initial_buffers`` (R,)
    hold the module's values. ``path`` is how it is differentiated twice, and ``reason`` why not faster
    (:mod:`hydra_steps.process.paths`); :meth:`push` serves it on ``Path.RULES``. ``sizes`` are the parameters' numbers,
    ``module`` is what is bound and called.
    Attributes are set on a private copy of the module: one FlatModel serves one thread. Raises :class:`StudyError` for
    a module without a trained parameter, with a hook on a parameter, or that cannot be copied.
    """

    def __init__(self, module: nn.Module) -> None:
        module = pool_first(own_copy(module))
        self.path, self.reason = choose_path(module)
        self.maps = True  # until a pass of several directions at once has failed
        parameters = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
        buffers = [(name, b) for name, b in module.named_buffers() if b.is_floating_point()]
        self.layout, self.buffer_layout = _entries(parameters), _entries(buffers)
        self.initial = _flatten([p for _, p in parameters])
        self.initial_buffers = _flatten([b for _, b in buffers])
        self.sizes = [p.numel() for _, p in parameters]
        self._buffer_sizes = [b.numel() for _, b in buffers]
        places = {id(tensor): place for place, (_, tensor) in enumerate([*parameters, *buffers])}
        self._saved = [
            (name, places.get(id(tensor), tensor))
            for name, tensor in module.state_dict(keep_vars=True).items()
        ]
        self._bindings = take_out(module, [p for _, p in parameters])
        self._buffer_bindings = take_out(module, [b for _, b in buffers])
        self._norms = [m for m in module.modules() if isinstance(m, BatchNorm)]
        self._noises = [m for m in module.modules() if isinstance(m, Keyed)]
        self.module = module
        module.eval()

    def to(self, device: torch.device, dtype: torch.dtype) -> FlatModel:
        """This model with its constants, what is not in the vectors, on ``device`` and of ``dtype``."""
        self.module.to(device, dtype)
        return self

    @property
    def coupled(self) -> bool:
        """Whether a sample's loss depends on the others in its batch (batch norm)."""
        return bool(self._norms)

    @property
    def light(self) -> bool:
        """Whether a pass is mostly the calling of small operations (linear layers): then several at once pay off on one
        processor core, too.
        """
        return all(type(module) in LIGHT and not alteration(module) for module in self.module.modules())

    def views(self, parameters: Tensor) -> list[Tensor]:
        """Named-shape views of a flat vector: (P,) → tensors in the layout's order."""
        pieces = parameters.split(self.sizes)
        return [piece.view(shape) for piece, (_, shape, _) in zip(pieces, self.layout, strict=True)]

    def buffer_views(self, buffers: Tensor) -> list[Tensor]:
        """The same of the buffers, (R,)."""
        pieces = buffers.split(self._buffer_sizes)
        return [piece.view(shape) for piece, (_, shape, _) in zip(pieces, self.buffer_layout, strict=True)]

    def _bind(self, parameters: Tensor, buffers: Tensor) -> None:
        for binding, view in zip(self._bindings, self.views(parameters), strict=True):
            binding.set(view)
        if self._buffer_bindings:
            for binding, view in zip(self._buffer_bindings, self.buffer_views(buffers), strict=True):
                binding.set(view)

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
        if self.module.training != training:
            self.module.train(training)
        for layer in self._noises:
            layer.keys = keys
        for norm in self._norms:
            norm.differentiable_statistics = differentiable
            norm.weights = weights

    def _call(self, layer: nn.Module, *arguments: Any, **named: Any) -> Any:
        """The output of the module, or of a layer of it, by kernels that can be differentiated twice."""
        if self.path is not Path.BACKWARD:
            return layer(*arguments, **named)
        # The fused kernels of attention have no second derivative, and a layer's fast path in evaluation other bits.
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            with sdpa_kernel(SDPBackend.MATH):
                return layer(*arguments, **named)
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)

    def _called(self, inputs: Any) -> Any:
        """The output of the module for a tensor, or a group of them."""
        return called(partial(self._call, self.module), inputs)

    def call_layer(
        self,
        layer: nn.Module,
        parameters: Tensor,
        buffers: Tensor,
        keys: Tensor | None,
        *given: Any,
        **named: Any,
    ) -> Any:
        """The output of one ``layer`` of ``module`` in training mode."""
        self._prepare(True, keys, differentiable=True)
        self._bind(parameters, buffers.clone())
        return self._call(layer, *given, **named)

    def train_logits(
        self,
        parameters: Tensor,
        buffers: Tensor,
        inputs: Any,
        keys: Tensor | None,
        differentiable: bool = False,
        weights: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Outputs [b, c] (of classes: logits) in training mode, and the buffers after the step [R].

        ``differentiable`` keeps the new buffers' graph to the parameters; ``weights`` [b] weight the samples in batch
        norm's statistics, None counts all alike. What the module changes in place is a copy.
        """
        self._prepare(True, keys, differentiable, weights)
        if not self._buffer_bindings:
            self._bind(parameters, buffers)
            return by_sample(self._called(inputs)), buffers
        self._bind(parameters, buffers.clone())
        logits = by_sample(self._called(inputs))
        return logits, torch.cat([binding.get().reshape(-1) for binding in self._buffer_bindings])

    def push(
        self,
        parameters: Tensor,
        directions: Tensor,
        buffers: Tensor,
        inputs: Tensor,
        keys: Tensor | None,
        training: bool = True,
    ) -> tuple[Tensor, Tensor, Callable[[Tensor | None, Tensor], Tensor]]:
        """Logits z [b, c], their tangents ż [b, q, c] along ``directions`` [q, p], and the way back.

        For models with rules. The way back maps a cotangent δ [b, c] of z (or None) and its tangents
        [b, q, c] to the tangents of the parameters' gradient [q, p]; see :mod:`hydra_steps.tangents.chain`.
        """
        dots: dict[nn.Module, dict[str, Tensor]] = {}
        owners = [(binding.owner, binding.attribute) for binding in self._bindings]
        pieces = directions.split(self.sizes, 1)
        for (owner, attribute), piece, (_, shape, _) in zip(owners, pieces, self.layout, strict=True):
            dots.setdefault(owner, {})[attribute] = piece.view(-1, *shape)
        self._prepare(training, keys)
        self._bind(parameters, buffers)
        logits, logits_dot, pull = push(self.module, inputs, dots)
        assert logits_dot is not None  # the last layers have parameters

        def gradients_dot(delta: Tensor | None, delta_dot: Tensor) -> Tensor:
            bars = pull(delta, delta_dot)
            return torch.cat([bars[owner][name].flatten(1) for owner, name in owners], 1)

        return logits, logits_dot, gradients_dot

    def logits(self, parameters: Tensor, buffers: Tensor, inputs: Any) -> Tensor:
        """Outputs [n, c] in evaluation mode."""
        self._prepare(False)
        self._bind(parameters, buffers)
        logits: Tensor = by_sample(self._called(inputs))
        return logits

    def state_dict(self, parameters: Tensor, buffers: Tensor) -> dict[str, Tensor]:
        """The ordinary ``state_dict`` of the module at this point, as copies: shared, frozen and constant tensors
        included."""
        views = [*self.views(parameters), *(self.buffer_views(buffers) if self._buffer_bindings else [])]
        return {
            name: (views[source] if isinstance(source, int) else source.detach()).clone()
            for name, source in self._saved
        }
