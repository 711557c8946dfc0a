"""The timing study: what training and each way of scoring cost, measured side by side.

Everything runs in one process, on one thread count, on the same training; the contestants take turns, and the first
turn is not counted (:mod:`.turns`). Plain training, the loop that a user of PyTorch would write, is
read right before and after each of them, so that a machine that slows down slows both. Clocks are read inside the
code (on CUDA after synchronising). Memory is measured afterwards, in a process of its own for each contestant
(:mod:`hydra_steps.benchmark.peak_memory`).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from hydra_steps.benchmark.captum_tracin import check_same
from hydra_steps.benchmark.contestants import MAIN, Contestant, contestants
from hydra_steps.benchmark.peak_memory import measure_memory
from hydra_steps.benchmark.turns import take_turns
from hydra_steps.config.experiments import Benchmark
from hydra_steps.config.sections import RunSettings
from hydra_steps.config.study import Method
from hydra_steps.csv_files import write_rows
from hydra_steps.process.building import load_data
from hydra_steps.process.compute import prepare_compute

KEY = ("contestant", "axis", "queries", "tracked", "samples", "parameters", "steps")
LIBRARIES = ("torch", "numpy", "scipy", "captum", "curvlinops-for-pytorch", "dattri")


def time_scoring(
    run: RunSettings,
    splits: str | Path,
    labels: str | Path,
    options: Benchmark,
    methods: Mapping[str, Method],
    output: str | Path,
) -> None:
    """Write one row per contestant and reading (its seconds, and plain training's around it) to the CSV ``output``;
    beside it ``memory.csv``, one row per contestant of the comparison (bytes), and ``machine.json``.

    ``methods`` are the study's, by label. A
    contestant that would take longer than ``budget`` seconds, judged by the next smaller one, is left out
    and named in ``machine.json``. Cost: (repeats + 1) × the sum of all
    contestants with a plain training each, those of short ones three times, and once more for memory.
    """
    data = load_data(run, splits, labels)
    prepare_compute(run.compute)
    output = Path(output)
    folder = Path(tempfile.mkdtemp(prefix="time_scoring-", dir=output.parent))
    machine = _machine(run)
    try:
        everyone = contestants(run, data, options, methods, folder)
        rows, left_out = take_turns(everyone, options.repeats, options.budget)
        machine |= {"left_out": left_out, **_agreements(everyone)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    machine["load_average_after"] = _load()
    out = {tuple(entry[:-1]) for entry in left_out}
    measured = [c.key for c in everyone if c.axis == MAIN and c.key not in out]
    memory = measure_memory(run, splits, labels, options, methods, measured)
    write_rows(output, (*KEY, "repeat", "seconds", "plain_seconds"), rows)
    write_rows(output.with_name("memory.csv"), (*KEY, "bytes_stored", "peak_memory_bytes"), memory)
    output.with_name("machine.json").write_text(json.dumps(machine, indent=1) + "\n")


def _agreements(everyone: Sequence[Contestant]) -> dict[str, float]:
    """How far our TracIn is from captum's, which is to compute the same."""
    by_name = {c.name: c for c in everyone if c.axis == MAIN}
    if "captum_tracincp" not in by_name:
        return {}
    ours, theirs = by_name["tracin"].act().values, by_name["captum_tracincp"].act()
    return {"tracin_against_captum": check_same(ours, theirs)}


def _machine(settings: RunSettings) -> dict[str, Any]:
    """Processor, threads, versions and load: what a reader needs to judge the numbers."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        "unknown",
    )
    on_cuda = settings.compute.device != "cpu" and torch.cuda.is_available()
    names = {"curvlinops-for-pytorch": "curvlinops"}
    return {
        "model": settings.model.name,
        "batch_size": settings.training.batch_size,
        "processor": model,
        "cores": os.cpu_count(),
        "device": torch.cuda.get_device_name() if on_cuda else "cpu",
        "threads": torch.get_num_threads(),
        "versions": {
            name: metadata.version(name) for name in LIBRARIES if find_spec(names.get(name, name)) is not None
        },
        "load_average_before": _load(),
    }


def _load() -> list[float]:
    return [round(value, 2) for value in os.getloadavg()]


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
