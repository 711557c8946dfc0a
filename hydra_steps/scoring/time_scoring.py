"""The timing study: what training and each way of scoring cost, as ratios to plain training, measured side by side.

Everything runs in one process, on one thread count, over the same steps of the same run; the contestants take
turns, so that a machine that slows down slows all of them, and the first turn is not counted. Clocks are read
inside the code (on CUDA after synchronising). Plain training is the loop that a user of PyTorch would write:
``nn`` layers, ``torch.optim``, no record.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from hydra_steps.data import RunData, Split
from hydra_steps.errors import StudyError
from hydra_steps.models.layers import AveragePool, BatchNorm
from hydra_steps.models.registry import build_model
from hydra_steps.process.process import Process, build_process
from hydra_steps.process.queries import Query, QuerySet
from hydra_steps.process.running import run as run_process
from hydra_steps.process.training import load_data, prepare_threads, record_training
from hydra_steps.process.trajectory import Trajectory
from hydra_steps.scoring.hydra import hydra_exact, hydra_gauss_newton, hydra_hessian_free
from hydra_steps.scoring.hydra_forward import hydra_forward

Contestant = Callable[[], object]
COLUMNS = ("contestant", "queries", "tracked", "steps", "repeat", "seconds")
PLAIN = "plain_training"


def time_scoring(run: str, splits: str | Path, labels: str | Path, options: str, output: str | Path) -> None:
    """Write one row per contestant and repeat (seconds) to the CSV ``output``, and the machine to
    ``machine.json`` beside it.

    ``run`` is the run's configuration and ``options`` the section ``benchmark``, both JSON: ``steps`` of the
    training, ``repeats``, numbers of ``queries`` and of ``tracked`` samples. Cost: repeats × the sum of all
    contestants.
    """
    settings, chosen = json.loads(run), json.loads(options)
    data = load_data(settings, splits, labels)
    prepare_threads(settings)
    whole = build_process(settings, data)
    steps = min(int(chosen["steps"]), whole.steps_per_epoch)
    process = replace(whole, table=whole.table[:steps], epochs=1)
    folder = Path(tempfile.mkdtemp(prefix="time_scoring-", dir=Path(output).parent))
    rows = []
    try:
        contestants = _contestants(process, data, settings, chosen, folder)
        turns = int(chosen["repeats"]) + 1
        with tqdm(total=turns * len(contestants), desc="timing", unit="run") as bar:
            for turn in range(turns):
                for (name, queries, tracked), contestant in contestants.items():
                    seconds = _seconds(contestant)
                    if turn:
                        rows.append((name, queries, tracked, steps, turn, f"{seconds:.6g}"))
                    bar.update()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    with Path(output).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    Path(output).with_name("machine.json").write_text(json.dumps(_machine(process), indent=1) + "\n")


def _seconds(contestant: Contestant) -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    began = time.perf_counter()
    contestant()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def _contestants(
    process: Process, data: RunData, settings: Mapping[str, Any], chosen: Mapping[str, Any], folder: Path
) -> dict[tuple[str, int, int], Contestant]:
    """All contestants by (name, queries, tracked samples)."""
    rate = float(settings["training"]["optimizer"]["learning_rate"])
    rates = [rate] * process.steps
    trajectory = Trajectory.in_memory(process, rates)
    found: dict[tuple[str, int, int], Contestant] = {
        (PLAIN, 0, 0): _plain_training(process, data, settings, rate),
        ("training", 0, 0): lambda: run_process(process, process.initial_state(), rates),
    }
    for keep in ("all", "sqrt"):
        found[(f"training_keep_{keep}", 0, 0)] = _recorded(process, data, settings, keep, folder)
    for count in chosen["queries"]:
        queries = _queries(count, data, process)
        for scorer in (hydra_exact, hydra_gauss_newton, hydra_hessian_free):
            # The sweeps cost the same for every query: many are only worth timing where they share work.
            if count == 1 or scorer is hydra_hessian_free:
                found[(scorer.__name__, count, process.samples)] = _scored(scorer, trajectory, queries, {})
    single = _queries(1, data, process)
    for count in chosen["tracked"]:
        tracked = process.table[0][:count].tolist()
        for hessian in (True, False):
            options = {"samples": tracked, "hessian": hessian}
            name = "hydra_forward" if hessian else "hydra_forward_hessian_free"
            found[(name, 1, len(tracked))] = _scored(hydra_forward, trajectory, single, options)
    return found


def _scored(scorer: Any, trajectory: Trajectory, queries: QuerySet, options: Mapping[str, Any]) -> Contestant:
    return lambda: scorer(trajectory, queries, options)


def _queries(count: int, data: RunData, process: Process) -> QuerySet:
    """``count`` single test samples, so that the query's own gradient costs next to nothing."""
    if count > len(data.test):
        raise StudyError(
            f"benchmark.queries asks for {count} queries", f"at most data.test = {len(data.test)}"
        )
    return QuerySet(
        [Query(f"test_sample_{i}", "sample_loss", "test", np.array([i])) for i in range(count)], data, process
    )


def _recorded(
    process: Process, data: RunData, settings: Mapping[str, Any], keep: str, folder: Path
) -> Contestant:
    """Training with its record under the policy ``keep``; evaluation after the epoch is left out (empty splits)."""
    nothing = Split(data.test.images[:0], data.test.labels[:0], data.test.source_index[:0])
    unevaluated = replace(data, validation=nothing, test=nothing)
    kept = {**settings, "trajectory": {"keep": keep}}

    def train() -> None:
        shutil.rmtree(folder / keep, ignore_errors=True)
        record_training(process, unevaluated, kept, folder / f"scratch-{keep}", folder / keep)

    return train


def plain_module(module: nn.Module) -> nn.Module:
    """Replace this package's own layers by PyTorch's, as a user would have written the model."""
    for name, child in module.named_children():
        if isinstance(child, AveragePool):
            setattr(module, name, nn.AvgPool2d(2))
        elif isinstance(child, BatchNorm):
            setattr(module, name, nn.BatchNorm2d(len(child.weight)))
        else:
            plain_module(child)
    return module


def _plain_training(process: Process, data: RunData, settings: Mapping[str, Any], rate: float) -> Contestant:
    """The loop of PyTorch's tutorials over the same batches."""
    options, optimizer_settings = dict(settings["model"]), dict(settings["training"]["optimizer"])
    shape = data.train.images.shape[1:]
    name = options.pop("name")
    batches = [process.batch(step) for step in range(process.steps)]
    if optimizer_settings["name"] != "sgd" or optimizer_settings.get("decoupled"):
        raise StudyError(
            "the timing study compares with plain SGD", "training.optimizer.name sgd, not decoupled"
        )

    def train() -> None:
        module = build_model(name, (shape[0], shape[1], shape[2]), len(data.classes), options, process.seed)
        module = plain_module(module).to(process.device, process.dtype).train()
        optimizer = torch.optim.SGD(
            module.parameters(),
            lr=rate,
            momentum=optimizer_settings.get("momentum", 0.0),
            weight_decay=optimizer_settings.get("weight_decay", 0.0),
            dampening=optimizer_settings.get("dampening", 0.0),
            nesterov=optimizer_settings.get("nesterov", False),
        )
        for batch in batches:
            optimizer.zero_grad()
            functional.cross_entropy(module(batch.images), batch.labels).backward()
            optimizer.step()

    return train


def _machine(process: Process) -> dict[str, Any]:
    """Processor, threads, versions and load: what a reader needs to judge the numbers."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        "unknown",
    )
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "device": torch.cuda.get_device_name() if process.device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "parameters": len(process.model.initial),
        "samples": process.samples,
        "batch_size": int(process.table.shape[1]),
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
