"""A model as a function of one flat parameter vector (P,) and one flat buffer vector (R,).

The optimizer is then a handful of whole-vector operations, a checkpoint is one row of an array, and a dot
product is one call. Parameters keep the order of ``named_parameters()``; views are taken with one ``split``,
whose backward is one concatenation, so the gradient arrives flat as well.

A parameter that several places share stands in the vector once and is bound at all of them. Frozen parameters
(``requires_grad`` false) and buffers that hold no floating-point numbers are constants of the module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from hydra_steps.data.group import called
from hydra_steps.models.dropout import Keyed
from hydra_steps.models.layers import BatchNorm
from hydra_steps.models.pooling import pool_first
from hydra_steps.process.binding import Binding, own_copy, take_out, where_saved
from hydra_steps.process.kernels import twice_differentiable
from hydra_steps.process.paths import Path, choose_path, in_blocks, without_forward_mode
from hydra_steps.tangents.chain import plan, push

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


def _has(module: nn.Module, *kinds: type[nn.Module]) -> bool:
    return any(isinstance(part, kinds) for part in module.modules())


def _flatten(tensors: list[Tensor]) -> Tensor:
    return torch.cat([t.detach().reshape(-1) for t in tensors]) if tensors else torch.zeros(0)


class Tangents(NamedTuple):
    """What :meth:`FlatModel.push` gives: logits [b, c], their tangents [b, q, c], those of the buffers after the step
    [q, r], and the way back.

    ``pull`` maps a cotangent δ [b, c] of the logits (or None), its tangents [b, q, c], and cotangents of the buffers
    after the step [q, r] (or None), to the tangents of the parameters' gradient [q, p] and the cotangents of the
    buffers before the step [q, r].
    """

    logits: Tensor
    logits_dot: Tensor
    buffers_dot: Tensor
    pull: Callable[..., tuple[Tensor, Tensor]]


def _by_owner(
    bindings: Sequence[Binding], layout: Sequence[Entry], rows: Tensor, sizes: list[int]
) -> dict[nn.Module, dict[str, Tensor]]:
    """Rows [q, …] of flat vectors as tensors [q, *shape], by the module that owns each and its name there."""
    found: dict[nn.Module, dict[str, Tensor]] = {}
    for binding, piece, (_, shape, _) in zip(bindings, rows.split(sizes, 1), layout, strict=True):
        found.setdefault(binding.owner, {})[binding.attribute] = piece.view(-1, *shape)
    return found


class FlatModel:
    """``module`` stripped of its own parameters and bound, call by call, to slices of flat vectors.

    ``layout`` and ``buffer_layout`` list (name, shape, offset); ``initial`` (P,) and ``initial_buffers`` (R,)
    hold the module's values. ``path`` is how it is differentiated twice, and ``reason`` why not faster
    (:mod:`hydra_steps.process.paths`); :meth:`push` serves it on ``Path.RULES``. ``sizes`` are the parameters' numbers,
    ``module`` is what is bound and called, and ``recurrent`` are the classes of its layers that go along a sequence.
    Attributes are set on a private copy of the module: one FlatModel serves one thread. Raises :class:`StudyError` for
    a module without a trained parameter, with a hook on a parameter, or that cannot be copied.
    """

    def __init__(self, module: nn.Module) -> None:
        module = pool_first(own_copy(module))
        self.path, self.reason = choose_path(module)
        self._plan = plan(module)
        self.unproved = bool(self._plan.graphs)  # what a recording says is tried where it is first used
        self.forwards = not without_forward_mode(module)
        self.maps: bool | None = None  # whether several directions can share a pass, once that is tried
        # Whether images lie so (:mod:`.layout`), once it is tried.
        self.channels_last: bool | None = None if in_blocks(module) else False
        self.shortens = True  # whether, as far as is known, it needs no numbers that nobody reads
        parameters = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
        buffers = [(name, b) for name, b in module.named_buffers() if b.is_floating_point()]
        self.layout, self.buffer_layout = _entries(parameters), _entries(buffers)
        self.initial = _flatten([p for _, p in parameters])
        self.initial_buffers = _flatten([b for _, b in buffers])
        self.sizes = [p.numel() for _, p in parameters]
        self._buffer_sizes = [b.numel() for _, b in buffers]
        self._saved = where_saved(module, [*parameters, *buffers])
        self._bindings = take_out(module, [p for _, p in parameters])
        self._buffer_bindings = take_out(module, [b for _, b in buffers])
        self._norms = [m for m in module.modules() if isinstance(m, BatchNorm)]
        self.recurrent = {type(part) for part in module.modules() if isinstance(part, nn.RNNBase)}
        fused = _has(module, nn.MultiheadAttention, nn.RNNBase)
        self._by_ordinary_kernels = fused or self.unproved or self.path is Path.BACKWARD
        self._noises = [m for m in module.modules() if isinstance(m, Keyed)]
        self.bound: list[Tensor] = []  # the views that the module was last bound to
        self.module = module
        module.eval()

    def proved(self, why_not: str) -> None:
        """What the graphs of its modules give has been tried: it is right, or ``why_not``, and they are not used."""
        self.unproved = False
        if why_not:
            self.path, self.reason = Path.BACKWARD, why_not

    def to(self, device: torch.device, dtype: torch.dtype) -> FlatModel:
        """This model with its constants, what is not in the vectors, on ``device`` and of ``dtype``."""
        self.module.to(device, dtype)
        return self

    @property
    def coupled(self) -> bool:
        """Whether a sample's loss depends on the others in its batch (batch norm)."""
        return bool(self._norms)

    def views(self, parameters: Tensor) -> list[Tensor]:
        """Named-shape views of a flat vector: (P,) → tensors in the layout's order."""
        pieces = parameters.split(self.sizes)
        return [piece.view(shape) for piece, (_, shape, _) in zip(pieces, self.layout, strict=True)]

    def buffer_views(self, buffers: Tensor) -> list[Tensor]:
        """The same of the buffers, (R,)."""
        pieces = buffers.split(self._buffer_sizes)
        return [piece.view(shape) for piece, (_, shape, _) in zip(pieces, self.buffer_layout, strict=True)]

    def _bind(self, parameters: Tensor, buffers: Tensor) -> None:
        self.bound = self.views(parameters)
        for binding, view in zip(self._bindings, self.bound, strict=True):
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
        if not self._by_ordinary_kernels:
            return layer(*arguments, **named)
        with twice_differentiable(bool(self.recurrent)):
            return layer(*arguments, **named)

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
        buffers_dot: Tensor | None = None,
    ) -> Tangents:
        """Logits z [b, c], their tangents ż [b, q, c] along ``directions`` [q, p] and ``buffers_dot`` [q, r], and the
        way back.

        For models with rules. See :mod:`hydra_steps.tangents.chain`.
        """
        count = len(directions)
        dots = _by_owner(self._bindings, self.layout, directions, self.sizes)
        moved = {}
        if buffers_dot is not None and self._buffer_bindings:
            moved = _by_owner(self._buffer_bindings, self.buffer_layout, buffers_dot, self._buffer_sizes)
        self._prepare(training, keys)
        self._bind(parameters, buffers)
        chain, step = push(self.module, inputs, dots, moved, self._plan)
        assert step.y_dot is not None  # the last layers have parameters

        def joined(bindings: Sequence[Binding], found: Mapping[nn.Module, Mapping[str, Tensor]]) -> Tensor:
            parts = [found[one.owner][one.attribute].reshape(count, -1) for one in bindings]
            return torch.cat(parts, 1) if parts else directions.new_zeros(count, 0)

        @torch.no_grad()
        def pull(
            delta: Tensor | None, delta_dot: Tensor, buffers_bar: Tensor | None = None
        ) -> tuple[Tensor, Tensor]:
            asked = buffers_bar is not None and len(self._buffer_bindings) > 0
            if asked:
                assert buffers_bar is not None
                chain.buffers_bar = _by_owner(
                    self._buffer_bindings, self.buffer_layout, buffers_bar, self._buffer_sizes
                )
            step.back(
                None if delta is None else delta.view(step.y.shape),
                delta_dot.view(len(delta_dot), count, *step.y.shape[1:]),
            )
            before = (
                joined(self._buffer_bindings, chain.before_bar)
                if asked
                else directions.new_zeros(count, len(buffers))
            )
            return joined(self._bindings, chain.bars), before

        after_dot = (
            joined(self._buffer_bindings, chain.after_dot)
            if training
            else directions.new_zeros(count, len(buffers))
        )
        return Tangents(by_sample(step.y), step.y_dot.flatten(2), after_dot, pull)

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
