"""The recorded model as an ordinary ``torch.nn.Module``, and its data as ordinary batches, for libraries that ask
for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from hydra_steps.data.group import Group, called
from hydra_steps.errors import StudyError
from hydra_steps.models.take_over import take_over
from hydra_steps.process.process import Process
from hydra_steps.process.running import evaluation_chunk
from hydra_steps.process.seen import seen
from hydra_steps.process.state import State
from hydra_steps.trajectory.trajectory import Trajectory


def module_at(trajectory: Trajectory, step: int | None = None) -> nn.Module:
    """A fresh module in evaluation mode with the parameters and buffers of s_step (the final state for None)."""
    process = trajectory.process
    module = take_over(process.new_module(weights=False))
    # First: parameters take the module's precision when they are loaded.
    module.to(process.device, process.dtype)
    module.load_state_dict(trajectory.state_dict(trajectory.steps if step is None else step))
    return module.eval()


@torch.no_grad()
def train_logits(process: Process, state: State) -> Tensor:
    """Logits [n, c] of all training samples in evaluation mode, without augmentation. One forward pass each."""
    chunk, state = evaluation_chunk(process.device), seen(process, state)
    parts = [
        process.model.logits(state.parameters, state.buffers, images)
        for images in process.inputs.split(chunk)
    ]
    return torch.cat(parts)


def epoch_ends(trajectory: Trajectory) -> list[int]:
    """The steps t at which s_t is the state after a whole epoch, in order."""
    per_epoch = trajectory.process.steps_per_epoch
    return [per_epoch * (epoch + 1) for epoch in range(trajectory.process.epochs)]


def epoch_logits(trajectory: Trajectory) -> Iterator[Tensor]:
    """Logits [n, c] of all training samples after each epoch: one forward pass over the data for each.

    States that are not stored are replayed, which costs one training at most.
    """
    for step in epoch_ends(trajectory):
        yield train_logits(trajectory.process, trajectory.state(step))


@torch.no_grad()
def penultimate(module: nn.Module, inputs: Any, device: torch.device) -> Tensor:
    """Inputs [n, f] of the module's last linear layer."""
    last = [layer for layer in module.modules() if isinstance(layer, nn.Linear)][-1]
    found: list[Tensor] = []
    hook = last.register_forward_pre_hook(lambda _, given: found.append(given[0]))
    for part in inputs.split(evaluation_chunk(device)):
        called(module, part)
    hook.remove()
    return torch.cat(found)


def features_at(trajectory: Trajectory, features: str) -> Tensor:
    """The training samples [n, f] as ``penultimate``, the final state's inputs of its last linear layer, or
    ``pixels``."""
    process = trajectory.process
    if features == "pixels":
        return one_tensor(process, "features: pixels").flatten(1)
    return penultimate(module_at(trajectory), process.inputs, process.device)


def one_tensor(process: Process, asked_by: str) -> Tensor:
    """The inputs [n, …], which are one tensor; :class:`StudyError`, in the name of who asks, for a group of them."""
    if isinstance(process.inputs, Group):
        raise StudyError(
            f"{asked_by} takes one tensor for a sample, and these have {', '.join(process.inputs.members)}",
            "samples of one tensor",
            "remove the method from this study",
        )
    inputs: Tensor = process.inputs
    return inputs
