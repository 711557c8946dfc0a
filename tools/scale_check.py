"""Predicted against measured: steps, sweeps, stores and memory of networks that train here in seconds.

Every network is predicted from the others: the three numbers that describe this machine (``nominal.Machine``) are
fitted to the measured steps of all networks but the one that is predicted. Each is trained for a few steps by a
process of its own, with a real trajectory store, and swept backwards exactly for one query.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

from hydra_steps.config import canonical_json
from hydra_steps.config.sections import RunSettings
from hydra_steps.config.study import Method
from hydra_steps.estimate.meta import run_network
from hydra_steps.estimate.nominal import CORE, Machine, nominal_costs
from hydra_steps.estimate.rates import Network
from hydra_steps.estimate.run_costs import RunCosts, RunSize
from hydra_steps.trajectory.keep import format_bytes

STEPS, EXACT = 24, {"exact": Method.of({"method": "hydra_exact"})}
SGD = {"name": "sgd", "learning_rate": 1e-3, "momentum": 0.9, "weight_decay": 5e-4}


@dataclass(frozen=True)
class Point:
    """A network on images of a dataset's shape."""

    name: str
    dataset: str
    model: dict[str, Any]
    batch: int
    pad: int = 0
    channels: int | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        side = (8 if self.dataset == "digits" else 28) + 2 * self.pad
        return (self.channels or 1, side, side)

    @property
    def net(self) -> Network:
        data = {"name": self.dataset, "pad": self.pad, "channels": self.channels}
        return _network(canonical_json({"data": data, "model": self.model}))

    @property
    def size(self) -> RunSize:
        samples = {"train": STEPS * self.batch, "validation": 64, "test": 64}
        return RunSize(samples, 1, self.batch, 1, 64, "float32", "sqrt", 0.0)


@cache
def _network(run: str) -> Network:
    return run_network(RunSettings.of(json.loads(run)))


POINTS = (
    Point("logistic regression, batch 256", "mnist", {"name": "logistic"}, 256),
    Point("MLP 64, batch 32", "digits", {"name": "mlp", "hidden": [64]}, 32),
    Point("MLP 512-512, batch 64", "mnist", {"name": "mlp", "hidden": [512, 512]}, 64),
    Point("MLP 2048-2048, batch 64", "mnist", {"name": "mlp", "hidden": [2048, 2048]}, 64),
    Point("LeNet-5 tanh, batch 64", "mnist", {"name": "lenet5_tanh"}, 64),
    Point("LeNet-5 ReLU, batch 256", "mnist", {"name": "lenet5_relu"}, 256),
    Point(
        "LeNet-5 ReLU, batch norm, 3×32×32, batch 64",
        "mnist",
        {"name": "lenet5_relu", "batch_norm": True},
        64,
        pad=2,
        channels=3,
    ),
    Point("DenseNet-40, 3×32×32, batch 16", "mnist", {"name": "densenet40"}, 16, pad=2, channels=3),
)


def measure(point: Point) -> dict[str, float]:
    """Train and sweep ``point`` here; seconds per step and of the sweep per step, bytes stored, peak bytes."""
    import torch

    from hydra_steps.estimate.calibration import peak_memory
    from hydra_steps.estimate.tiny import random_data
    from hydra_steps.process.building import build_process
    from hydra_steps.process.queries.query_set import QuerySet, expand_queries
    from hydra_steps.scoring.hydra import hydra_exact
    from hydra_steps.trajectory.store import TrajectoryWriter
    from hydra_steps.trajectory.trajectory import Trajectory

    torch.set_num_threads(1)
    plain = {
        "seed": 0,
        "data": {"name": point.dataset, "pad": point.pad, "channels": point.channels},
        "model": point.model,
        "training": {"epochs": 1, "batch_size": point.batch, "optimizer": SGD},
        "compute": {"device": "cpu"},
    }
    run = RunSettings.of(plain)
    startup = peak_memory()
    data = random_data(run, point.size.samples["train"])
    process = build_process(run, data)
    state = process.initial_state()
    process.step(state, 0, 1e-3)
    costs = predicted(point, CORE)
    sizes = dict(zip(("parameters", "slots", "buffers"), map(len, state), strict=True))
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        with TrajectoryWriter.create(
            Path(folder) / "trajectory",
            attributes={},
            steps=process.steps,
            batch_size=point.batch,
            dtype="float32",
            checkpoints=costs.shape.checkpoints,
            **sizes,
        ) as writer:
            writer.checkpoint(0, *(part.numpy() for part in state))
            for step in range(process.steps):
                began = time.perf_counter()
                state, losses, gradient = process.step(state, step, 1e-3)
                seconds.append(time.perf_counter() - began)
                writer.record(
                    step + 1,
                    batch=process.table[step],
                    learning_rate=1e-3,
                    loss=losses.mean().item(),
                    gradient_norm=gradient.norm().item(),
                )
                if step + 1 in costs.shape.checkpoints:
                    writer.checkpoint(step + 1, *(part.numpy() for part in state))
            writer.finish()
        stored = sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file())
    trajectory = Trajectory.in_memory(process, [1e-3] * process.steps)
    queries = QuerySet(expand_queries([{"kind": "mean_loss", "split": "test"}], data), data, process)
    sweep = partial(hydra_exact, trajectory, queries)
    sweep()
    began = time.perf_counter()
    sweep()
    return {
        "step": statistics.median(seconds),
        "sweep": (time.perf_counter() - began) / process.steps,
        "stored": float(stored),
        "memory": float(peak_memory()),
        "startup_memory": float(startup),
    }


def predicted(point: Point, machine: Machine) -> RunCosts:
    """Return the costs of ``point`` on ``machine``."""
    size = point.size
    data = size.samples["train"] * float(np.prod(point.shape)) * 8
    measured = nominal_costs(
        point.net,
        EXACT,
        machine,
        batch=point.batch,
        slots=1,
        samples=size.samples["train"],
        epochs=1,
        queries=1,
    )
    return RunCosts(replace(size, data_memory=data), measured)


def fitted(points: list[Point], seconds: list[float], memory: float) -> Machine:
    """Return the machine whose predictions of these points' steps have the least relative errors."""
    rows = []
    for point, measured in zip(points, seconds, strict=True):
        net = point.net
        moved = 4.0 * (2 * net.step.written * point.batch + 9 * net.parameters)
        products = 2.0 * point.batch * net.step.multiplications
        rows.append(np.array([net.step.operations, products, moved]) / measured)
    launch, per_flop, per_byte = nnls(np.array(rows), np.ones(len(rows)))[0]
    tiny = 1e-15
    return Machine("here", 1 / max(per_flop, tiny), 1 / max(per_byte, tiny), launch, 0.0, memory)


def check() -> list[str]:
    """Measure all points; return the table in Markdown and the largest errors."""
    found = []
    for place in range(len(POINTS)):
        command = [sys.executable, "-m", "tools.scale_check", str(place)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found.append(json.loads(done.stdout))
    lines = [
        "Predicted / measured, each network predicted from the others on this machine, one core:",
        "",
        "| network | parameters | step | exact sweep, per step | storage (`sqrt`) | memory |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    errors: dict[str, list[float]] = {"step": [], "sweep": [], "storage": [], "memory": []}
    for place, (point, real) in enumerate(zip(POINTS, found, strict=True)):
        others = [k for k in range(len(POINTS)) if k != place]
        memory = statistics.median(found[k]["startup_memory"] for k in others)
        machine = fitted([POINTS[k] for k in others], [found[k]["step"] for k in others], memory)
        costs = predicted(point, machine)
        step = costs.train()[0] / costs.size.steps
        sweep = costs.measured.methods["exact"].per_step
        pairs = {
            "step": (step, real["step"]),
            "sweep": (sweep, real["sweep"]),
            "storage": (float(costs.shape.bytes), real["stored"]),
            "memory": (costs.score("exact")[2], real["memory"]),
        }
        for name, (guess, truth) in pairs.items():
            errors[name].append(max(guess / truth, truth / guess))
        times = [f"{1e3 * a:.2f} / {1e3 * b:.2f} ms" for a, b in (pairs["step"], pairs["sweep"])]
        sizes = [f"{format_bytes(a)} / {format_bytes(b)}" for a, b in (pairs["storage"], pairs["memory"])]
        lines.append(f"| {point.name} | {point.net.parameters:,} | {' | '.join(times + sizes)} |")
    worst = ", ".join(
        f"{name} {statistics.median(ratio):.2f} ({max(ratio):.2f})" for name, ratio in errors.items()
    )
    return [*lines, "", f"Off by a factor of, median (largest): {worst}."]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.scale_check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "place", type=int, nargs="?", choices=range(len(POINTS)), help="measure this network alone, as JSON"
    )
    place = parser.parse_args().place
    print("\n".join(check()) if place is None else json.dumps(measure(POINTS[place])))


if __name__ == "__main__":
    main()
