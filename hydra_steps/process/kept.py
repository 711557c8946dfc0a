"""What a pass holds in memory of its samples, so that no more directions share one than there is room for; and what its
convolutions compute."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from hydra_steps.process.flat_model import FlatModel
from hydra_steps.process.operations import Watch, products
from hydra_steps.process.state import State


def bytes_kept(model: FlatModel, state: State, inputs: Any, keys: Tensor | None) -> int:
    """Bytes that PyTorch keeps of one pass over ``inputs`` [b, …] for its gradient, parameters apart.

    Cost: the pass. Every tensor counts once, however often it is kept.
    """
    parameters = state.parameters.detach().clone().requires_grad_()
    own = parameters.untyped_storage().data_ptr()
    kept: dict[tuple[int, int, tuple[int, ...]], int] = {}

    def pack(tensor: Tensor) -> Tensor:
        place = tensor.untyped_storage().data_ptr()
        if place != own:
            kept[place, int(tensor.storage_offset()), tuple(tensor.shape)] = tensor.nbytes
        return tensor

    with torch.enable_grad(), saved_tensors_hooks(pack, lambda tensor: tensor):
        made = model.train_logits(parameters, state.buffers, inputs, keys)
    del made  # until here nothing that is kept can have given its place to another
    return sum(kept.values())


def convolved(model: FlatModel, state: State, inputs: Any) -> int:
    """Multiplications and additions of the convolutions in one pass over ``inputs`` [b, …]. Cost: the pass."""
    counted = _Convolutions()
    with torch.no_grad(), counted:
        model.logits(state.parameters, state.buffers, inputs)
    return counted.count


class _Convolutions(Watch):
    """Counts the multiplications and additions of convolutions."""

    count = 0

    def seen(self, operation: Any, args: tuple[Any, ...], options: dict[str, Any], made: Any) -> None:
        """Add what this operation computes, where it is one."""
        if "convolution" in str(operation):
            self.count += products(operation, args, options, made)
