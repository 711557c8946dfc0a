"""Several counterfactual trainings at once, in one process: Φ over a leading axis of data weights.

They share seed, order and rates, so that every step has one batch for all, and one product of matrices does for k
small layers what k small products would. Worth it where a step is mostly the calling of small operations: on one
processor core, models of linear layers take a quarter to a half of the time. Convolutions stay one by one amid the rest
(:mod:`hydra_steps.process.convolutions`): LeNet-5 on images of 8 × 8 takes half of the time in batches of 16 and .65 in
batches of 64, on images of 28 × 28 .75 and 1.0 (``python -m tools.throughput`` measures it). The sizes decide which go
together, not a clock: together is other round-off. On a GPU 32 small ones or 8
large ones do, fewer where a quarter of its memory does not hold them.

The outcome of one training does not depend on its company, bit for bit: jobs of any size, resumed or not, agree. A GPU
chooses its kernels by the size of the company, which is therefore made up to the same size with copies. From a training
by itself an outcome differs by round-off. Index letters: k trainings, n samples, p parameters, b batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from hydra_steps.models.altered import alteration
from hydra_steps.models.dropout import KeyedDropout
from hydra_steps.models.layers import BatchNorm
from hydra_steps.models.pooling import AveragePool, MaxPool
from hydra_steps.process.convolutions import can_be_shared
from hydra_steps.process.flat_model import FlatModel
from hydra_steps.process.process import Process
from hydra_steps.process.room import trainings_together
from hydra_steps.process.state import State

ON_PROCESSOR, ON_GPU = 20, 32  # trainings at once: more gain little, and k times the memory of a step
SMALL = 12e6  # operations of a step's convolutions (forwards): at four times as many nothing is gained
# So many operations fill a GPU (DenseNet-40: 2e10, LeNet-5 2e7), and more trainings at once gain nothing.
LARGE, LARGE_ON_GPU = 1e9, 8

LIGHT: frozenset[type[nn.Module]] = frozenset(
    {
        *(nn.Sequential, nn.Flatten, nn.Linear, nn.Tanh, nn.ReLU, BatchNorm, KeyedDropout),
        *(nn.Conv2d, AveragePool, MaxPool),
    }
)

Observer = Callable[[int, Tensor, State], None]  # (step, losses [k, b], states after it)


def at_once(process: Process) -> int:
    """How many trainings of this process to do at once; 1 where one by one is as fast."""
    if process.device.type == "cuda":
        return trainings_together(process, ON_GPU if process.convolved_by_step <= LARGE else LARGE_ON_GPU)
    return ON_PROCESSOR if is_light(process.model) and process.convolved_by_step <= SMALL else 1


def is_light(model: FlatModel) -> bool:
    """Whether a pass may be mostly the calling of small operations: linear layers, and convolutions where they are
    small."""
    layers = list(model.module.modules())
    known = all(type(layer) in LIGHT and not alteration(layer) for layer in layers)
    return known and all(can_be_shared(layer) for layer in layers if isinstance(layer, nn.Conv2d))


def run_together(
    process: Process,
    rates: Sequence[float],
    weights: Tensor,
    observe: Observer | None = None,
    start: tuple[int, State] | None = None,
) -> State:
    """The final states of k trainings with data ``weights`` [k, n]: parameters [k, p], slots [k, slot, p],
    buffers [k, r]; so are those that ``observe`` is given.

    The batched twin of :func:`hydra_steps.process.running.run` to the last step; ``start``: the first step and the
    state before it, by default those of the whole training.
    """
    first, state = (0, process.initial_state()) if start is None else start
    count = len(weights)
    if process.device.type == "cuda":
        weights = torch.cat([weights, weights[-1:].expand(-count % at_once(process), -1)])
    parameters = state.parameters.repeat(len(weights), 1)
    # Optimizers are elementwise and keep their slots on the first axis.
    slots = state.slots[:, None].repeat(1, len(weights), 1)
    buffers = state.buffers.repeat(len(weights), 1)

    def those_asked_for() -> State:
        every = State(parameters, slots.transpose(0, 1), buffers)
        # A copy: who keeps a part of them shall not keep all.
        return every if count == len(weights) else State(*(part[:count].clone() for part in every))

    for step in range(first, process.steps):
        gradients, buffers, losses = process.gradients(parameters, buffers, process.batch(step), weights)
        parameters, slots = process.optimizer.update(parameters, slots, gradients, rates[step], step)
        if observe is not None:
            observe(step, losses[:count], those_asked_for())
    return those_asked_for()


def one_by_one(states: State) -> list[State]:
    """The states one by one."""
    return [State(*parts) for parts in zip(*(part.unbind() for part in states), strict=True)]
