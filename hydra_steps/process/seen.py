"""What of a state is looked at: by queries, metrics, and whoever takes the finished model.

The parameters, or their moving average where the training keeps one (``training.average``), and the buffers. Index
letters: q queries, p parameters.
"""

from __future__ import annotations

from torch import Tensor

from hydra_steps.process.optimizers.averaged import Averaged
from hydra_steps.process.process import Process
from hydra_steps.process.state import State


def averages(process: Process) -> bool:
    """Whether the training keeps a moving average of its parameters."""
    return isinstance(process.optimizer, Averaged)


def seen(process: Process, state: State) -> State:
    """The state with the parameters that are looked at; it may be asked for again of what it returns."""
    return state._replace(parameters=state.slots[..., -1, :]) if averages(process) else state


def cotangents_of_seen(process: Process, parameters_bar: Tensor, buffers_bar: Tensor) -> State:
    """The cotangents of a state, by those of its parameters that are looked at [q, p] and of its buffers."""
    slots_bar = parameters_bar.new_zeros(
        len(parameters_bar), process.optimizer.slots, parameters_bar.shape[-1]
    )
    if not averages(process):
        return State(parameters_bar, slots_bar, buffers_bar)
    slots_bar[:, -1] = parameters_bar
    return State(parameters_bar.new_zeros(parameters_bar.shape), slots_bar, buffers_bar)
