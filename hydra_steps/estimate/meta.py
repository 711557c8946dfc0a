"""The size of any ``nn.Module`` by one training step on PyTorch's meta device: shapes are worked out, nothing is
computed and no memory is taken, so a network of a billion parameters takes as long as a small one (milliseconds to
seconds).

Everything is counted by watching the operations that reach PyTorch's kernels, so a module of anyone's, with autograd
functions of its own, needs no description. A module that needs real numbers (``.item()``, a branch on values) is
measured by a real step of a few samples on the processor instead. Index letter: b samples of a batch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves

from hydra_steps.config.datasets import dataset_of, run_shape
from hydra_steps.config.sections import RunSettings
from hydra_steps.config.targets import outputs_of
from hydra_steps.data.group import called, mapped, members_of
from hydra_steps.data.made_up import made_up
from hydra_steps.errors import StudyError
from hydra_steps.estimate.rates import Counts, Network
from hydra_steps.models.dropout import Keyed
from hydra_steps.models.pooling import pool_first
from hydra_steps.models.settled import run_model
from hydra_steps.process.operations import Watch, products

FEW, MORE = 2, 4  # samples of the two steps whose difference is what a sample adds; batch norm needs two


def run_network(run: RunSettings) -> Network:
    """Return the size of a run's model, for its data."""
    data, model, entry = run.data, run.model, dataset_of(run.data)
    outputs = outputs_of(run.training.loss.name, len(entry.outputs))
    shape = run_shape(data)
    one = made_up(entry, shape, 1, np.random.default_rng(0)).inputs
    return built_network(lambda: run_model(model, shape, outputs, seed=0, weights=False), one)


def built_network(build: Callable[[], nn.Module], sample: Any) -> Network:
    """Return the size of the module that ``build`` makes for samples like this one: an array, or a group of arrays.

    A :class:`StudyError` of the builder is passed on, and any error of the module's own step on the processor.
    """
    one = mapped(torch.tensor, sample)
    try:
        with torch.device("meta"):
            module = build()
        return measure(module.to("meta"), mapped(lambda x: x.to("meta"), one))
    except StudyError:
        raise
    except Exception:  # whatever a foreign module trips over where tensors have no values
        return measure(build(), one)


def measure(module: nn.Module, inputs: Any) -> Network:
    """Return the size of ``module``, which is left as it is, for ``inputs`` with a leading axis of samples, a tensor or
    a group of them.

    Only the inputs' shapes without that axis, their types and their device count, which is the module's. The loss
    is the sum of the outputs: a real one adds next to nothing.
    """
    module = pool_first(copy.deepcopy(module)).train()
    few, more = (_step(module, inputs, samples) for samples in (FEW, MORE))
    return Network(
        parameters=sum(x.numel() for x in module.parameters() if x.requires_grad),
        buffers=sum(buffer.numel() for buffer in module.buffers() if buffer.is_floating_point()),
        forward=_per_sample(few.forward, more.forward),
        step=_per_sample(few.step, more.step),
        saved=(more.saved - few.saved) / (MORE - FEW),
        factors=sum(_factors(x) for x in module.parameters() if x.requires_grad),
    )


def _factors(parameter: nn.Parameter) -> int:
    """The entries of a weight's two Kronecker factors; a bias shares its weight's."""
    if parameter.dim() < 2 or not parameter.numel():
        return 0
    outputs = len(parameter)
    return outputs**2 + (parameter.numel() // outputs) ** 2


@dataclass(frozen=True)
class _Step:
    """Counts of one step on a batch, and ``saved`` bytes held between its two passes."""

    forward: Counts
    step: Counts
    saved: float


def _per_sample(few: Counts, more: Counts) -> Counts:
    """What a sample adds, and the operations of a batch of any size."""
    added = MORE - FEW
    return Counts(
        (more.multiplications - few.multiplications) / added,
        (more.written - few.written) / added,
        more.operations,
    )


def _step(module: nn.Module, inputs: Any, samples: int) -> _Step:
    """Count one forward and backward pass of ``samples`` samples."""
    given = mapped(lambda x: x.new_zeros(samples, *x.shape[1:]), inputs)
    batch = list(members_of(given).values())
    for layer in module.modules():
        if isinstance(layer, Keyed):
            layer.keys = torch.zeros(samples, dtype=torch.int64, device=batch[0].device)
    own = [*module.parameters(), *module.buffers(), *batch]
    # Attention as a training here takes it, in the form that differentiates twice.
    plain = sdpa_kernel(SDPBackend.MATH)
    with plain, _Operations() as operations:
        with _saved(own) as held, torch.enable_grad():
            outputs = tree_leaves(called(module, given))
            losses = [x.sum() for x in outputs if isinstance(x, Tensor) and x.requires_grad]
        forward = operations.counts()
        if losses:
            torch.stack(losses).sum().backward()
        return _Step(forward, operations.counts(), float(sum(held.values())))


class _Operations(Watch):
    """Counts the operations that run a kernel, the numbers that they write, and what products among them compute."""

    def __init__(self) -> None:
        super().__init__()
        self.count, self.written, self.computed = 0, 0, 0

    def seen(self, operation: Any, args: tuple[Any, ...], options: dict[str, Any], made: Any) -> None:
        """Count one operation."""
        self.computed += products(operation, args, options, made)
        if not operation.is_view and not operation.name().startswith(
            ("aten::empty", "aten::new_empty", "aten::detach")
        ):
            self.count += 1
            self.written += sum(x.numel() for x in tree_leaves(made) if isinstance(x, Tensor))

    def counts(self) -> Counts:
        """What was counted so far; a multiplication and its addition are two of PyTorch's operations."""
        return Counts(self.computed / 2, self.written, self.count)


@contextmanager
def _saved(own: Sequence[Tensor]) -> Iterator[dict[int, int]]:
    """Yield the bytes of what is kept for the way back, by its place in memory; not the ``own`` tensors."""
    held: dict[int, int] = {}
    seen = {_place(tensor) for tensor in own}
    alive = list(own)  # a place must not be taken again

    def pack(tensor: Tensor) -> Tensor:
        if _place(tensor) not in seen:
            seen.add(_place(tensor))
            held[_place(tensor)] = tensor.untyped_storage().nbytes()
            alive.append(tensor.detach())
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        yield held


def _place(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
