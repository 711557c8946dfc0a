"""No step of a training or of a sweep reads a value back from its device, which on a GPU would wait for all before it.

The meta device stands in for the GPU: its tensors have shapes and no values, so reading one back is an error, and
bringing one there is seen by the dispatcher. What may be read, once for many steps, is counted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from hydra_steps.process.linearised import Curvature
from hydra_steps.process.process import Process
from hydra_steps.process.running import run, weights_without
from hydra_steps.process.state import State
from hydra_steps.process.together import run_together
from hydra_steps.scoring.hydra_forward import forward, tracked_in_batches
from hydra_steps.scoring.sweep import reverse_sweep
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import OPTIMIZERS, built, tiny_data, tiny_settings

MODELS = {
    "perceptron": {"name": "mlp", "hidden": [5]},
    "batch_norm": {"name": "mlp", "hidden": [5], "batch_norm": True},
    "dropout": {"name": "mlp", "hidden": [6], "dropout": 0.3},
    "tanh": {"name": "lenet5_tanh"},
    "relu": {"name": "lenet5_relu"},
    "densenet": {"name": "densenet40", "dropout": 0.2},
}
RUNS = [(model, "momentum") for model in MODELS] + [("perceptron", "adam")]
QUICK = [
    run for run in RUNS if run[0] != "densenet"
]  # whose hundred layers take seconds a step on any device
VALUES_READ = "meta"  # each of PyTorch's messages about a value that is not there names the device


class Moved(TorchDispatchMode):
    """Counts the tensors that are copied from one device to another."""

    count = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        devices = {x.device.type for x in (*args, result) if isinstance(x, Tensor)}
        if function in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default) and len(devices) > 1:
            self.count += 1
        return result


def meta(process: Process) -> Process:
    return replace(process, inputs=process.inputs.to("meta"), targets=process.targets.to("meta"))


def process_of(model: str, optimizer: str = "momentum") -> tuple[Process, list[float]]:
    """On the meta device, with crops and flips; what is found out once of a process is known already."""
    # Of densenet's hundred layers a step with all of a batch and one with a part: they take seconds on any device.
    epochs, samples = (1, 6) if model == "densenet" else (2, 11)
    settings = tiny_settings(optimizer, augment={"crop": 1, "flip": True}, epochs=epochs)
    settings |= {"model": MODELS[model]}
    process = meta(built(settings, tiny_data(samples, side=28)))
    process.batch(0)
    assert process.bytes_by_sample >= 0
    return process, [0.1] * process.steps


def trajectory_of(process: Process, rates: list[float]) -> Trajectory:
    start = process.initial_state()
    return Trajectory(process, rates, range(process.steps + 1), lambda step: start)


def cotangents(process: Process, queries: int) -> State:
    return State(*(part.new_ones(queries, *part.shape) for part in process.initial_state()))


@pytest.mark.parametrize(
    ("model", "optimizer"), sorted({*RUNS, *(("perceptron", optimizer) for optimizer in OPTIMIZERS)})
)
def test_training(model, optimizer):
    process, rates = process_of(model, optimizer)
    start, weights = process.initial_state(), weights_without(process, [])
    with Moved() as moved:
        end = run(process, start, rates, weights=weights)
    assert moved.count == 0
    with Moved() as moved:
        ends = run_together(process, rates, weights.expand(2, -1))
    assert moved.count == 2  # the initial parameters and buffers
    assert end.parameters.device.type == "meta"
    assert ends.parameters.shape == (2, *end.parameters.shape)


@pytest.mark.parametrize(
    ("model", "optimizer", "curvature"),
    [
        ("densenet", "momentum", Curvature.EXACT),
        *((*run, curvature) for run in QUICK for curvature in Curvature),
    ],
)
def test_a_segment_of_the_sweep(monkeypatch, model, optimizer, curvature):
    process, rates = process_of(model, optimizer)
    steps, batch = [], process.batch
    monkeypatch.setattr(process, "batch", lambda step: steps.append(step) or batch(step))
    trajectory, bar = trajectory_of(process, rates), cotangents(process, 2)
    with Moved() as moved, pytest.raises((NotImplementedError, RuntimeError), match=VALUES_READ):
        reverse_sweep(trajectory, bar, curvature, hyper=True)
    assert moved.count == 0
    assert steps == list(reversed(range(process.steps)))  # and only then whether all is finite


@pytest.mark.parametrize("hessian", [True, False])
@pytest.mark.parametrize(("model", "optimizer"), QUICK)
def test_the_forward_recurrences(model, optimizer, hessian):
    process, rates = process_of(model, optimizer)
    tracked = torch.tensor([1, 4, 5])
    place = tracked_in_batches(process, tracked)
    assert sum(len(positions) for positions, _ in place) == process.epochs * len(tracked)
    trajectory = trajectory_of(process, rates)
    with Moved() as moved:
        ends = [step for step, _, _ in forward(trajectory, tracked, hessian)]
    assert moved.count <= 3  # the initial parameters and buffers, and where the tracked samples stand
    assert ends == list(range(1, process.steps + 1))


def test_a_value_that_is_read_would_be_seen():
    process, _ = process_of("perceptron")
    with pytest.raises(RuntimeError, match=VALUES_READ):
        process.initial_state().parameters.sum().item()
    with pytest.raises(NotImplementedError, match=VALUES_READ):
        process.initial_state().parameters.cpu()
    with Moved() as moved:
        torch.ones(2).to("meta")
        process.inputs.copy_(torch.ones(()))
    assert moved.count == 2
