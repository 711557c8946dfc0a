"""What training, its record, the sweeps and a bank of re-trainings cost on a GPU, for five networks, in one table.

    python -m tools.gpu_check gpu [--minutes 6]      (tests/gpu/check.sh runs the CUDA tests first)
    python -m tools.gpu_check gpu --dry-run          the same with tiny sizes on the processor: does it all run?

Samples are made up, so that nothing is downloaded. Each contestant is read between two plain trainings in PyTorch on
the same batches, after a turn that is not counted (:mod:`hydra_steps.benchmark.turns`); its ratio is the median of
those readings. ``peak`` is PyTorch's largest allocation while it ran, less what was there before; ``busy`` is how much
of that time the GPU was computing, as nvidia-smi says. Written are ``gpu.json`` and ``gpu.md``. A network that no
longer fits into the minutes is left out, and named.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hydra_steps.benchmark.contestants import PLAIN, Contestant, record, score
from hydra_steps.benchmark.timed_run import TimedRun
from hydra_steps.benchmark.turns import take_turns
from hydra_steps.config.sections import RunSettings
from hydra_steps.data import RunData, Split
from hydra_steps.errors import StudyError
from hydra_steps.process.compute import prepare_compute
from hydra_steps.process.running import run as run_process
from hydra_steps.process.together import at_once, run_together
from hydra_steps.scoring.hydra import hydra_exact, hydra_gauss_newton, hydra_hessian_free

CLASSES, BANK, MANY = 10, 64, 16
REPEATS, BUDGET = 3, 15.0  # turns that count; seconds that a contestant may take


@dataclass(frozen=True)
class Size:
    """A network and its training: the shape of a sample (of texts its length), samples, batch."""

    model: str
    shape: tuple[int, ...]
    samples: int
    batch: int


SIZES = (
    Size("lenet5_tanh", (1, 28, 28), 6400, 64),
    Size("lenet5_relu", (1, 28, 28), 6400, 64),
    Size("densenet40", (3, 32, 32), 1280, 64),
    Size("resnet18", (3, 32, 32), 1280, 64),
    Size("text_transformer", (64,), 2560, 64),
)
DRY = (
    Size("lenet5_tanh", (1, 28, 28), 32, 8),
    Size("lenet5_relu", (1, 28, 28), 32, 8),
    Size("densenet40", (3, 8, 8), 16, 8),
    Size("resnet18", (3, 8, 8), 8, 4),
    Size("text_transformer", (8,), 32, 8),
)


def check_gpu(out: Path, sizes: tuple[Size, ...], device: str, seconds: float) -> dict[str, Any]:
    """Measure the networks one after another until the ``seconds`` are over, and write ``gpu.json`` and ``gpu.md``."""
    ends = time.monotonic() + seconds
    out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {"machine": _machine(device), "networks": {}, "left_out": []}
    for place, size in enumerate(sizes):
        share = (ends - time.monotonic()) / (len(sizes) - place)
        if share <= 0:
            found["left_out"].append(size.model)
        else:
            print(f"{size.model}: at most {share:.0f} s", file=sys.stderr)
            found["networks"][size.model] = _measured(size, device, share)
        # After each network: what was measured stays, whatever comes.
        (out / "gpu.json").write_text(json.dumps(found, indent=1) + "\n")
        (out / "gpu.md").write_text(as_table(found))
    return found


def _measured(size: Size, device: str, seconds: float) -> dict[str, Any]:
    """The seconds, ratios, memory and occupancy of all contestants of a network, by name."""
    run = TimedRun(_settings(size, device), _data(size), size.samples, epochs=1)
    prepare_compute(run.settings.compute)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        everyone = list(_contestants(run, Path(folder)))
        # A turn reads a plain training beside each; the first one tells how many turns there is time for.
        rows, left_out = take_turns(everyone, 1, BUDGET)
        took = time.monotonic() - began
        more = min(REPEATS - 1, int((seconds - 1.5 * took) / max(took / 2, 1e-9)))
        if more > 0:
            rows += take_turns(everyone, more, BUDGET)[0]
        observed = {
            one.name: _observed(one) for one in everyone if one.name not in {key[0] for key in left_out}
        }
    readings: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for name, *_, own, plain in rows:
        readings[name].append((float(own), float(plain)))
    return {
        **run.size,
        "batch_size": size.batch,
        "contestants": {
            name: {
                "seconds": statistics.median(own for own, _ in taken),
                "ratio": statistics.median(own / plain for own, plain in taken),
                "lowest": min(own / plain for own, plain in taken),
                "highest": max(own / plain for own, plain in taken),
                "readings": len(taken),
                **observed[name],
            }
            for name, taken in readings.items()
        },
        "left_out": [key[0] for key in left_out],
    }


def _contestants(run: TimedRun, folder: Path) -> Iterator[Contestant]:
    process, one, many = run.process, run.queries(1), run.queries(min(MANY, len(run.data.test)))
    yield Contestant(PLAIN, run, run.plain_training())
    yield Contestant("training", run, lambda: run_process(process, process.initial_state(), run.rates))
    dump = partial(shutil.rmtree, folder / "all", ignore_errors=True)
    yield Contestant("training with its record", run, partial(record, run, "all", folder), prepare=dump)
    yield Contestant("exact, 1 query", run, partial(score, hydra_exact, run, one))
    yield Contestant(f"exact, {MANY} queries", run, partial(score, hydra_exact, run, many))
    yield Contestant("Gauss-Newton, 1 query", run, partial(score, hydra_gauss_newton, run, one))
    yield Contestant("Hessian-free, 1 query", run, partial(score, hydra_hessian_free, run, one))
    yield Contestant(f"bank of {BANK}", run, partial(_bank, run))


def _bank(run: TimedRun) -> None:
    """So many re-trainings, each without one sample, as many at once as a bank's job does on a GPU."""
    process = run.process
    size = at_once(process)
    for first in range(0, BANK, size):
        weights = torch.ones(size, process.samples, dtype=process.dtype, device=process.device)
        rows = torch.arange(size, device=process.device)
        weights[rows, (first + rows) % process.samples] = 0
        run_together(process, run.rates, weights)


def _observed(contestant: Contestant) -> dict[str, float | None]:
    """The peak memory of a run in bytes, and the share of its time in which the GPU computed; None without a GPU."""
    if not torch.cuda.is_available() or contestant.run.process.device.type != "cuda":
        contestant.prepare()
        contestant.act()
        return {"peak_bytes": None, "busy": None}
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    with _Busy() as busy:
        until = time.monotonic() + 1
        while True:
            contestant.prepare()
            contestant.act()
            torch.cuda.synchronize()
            if time.monotonic() > until:
                break
    return {"peak_bytes": torch.cuda.max_memory_allocated() - before, "busy": busy.mean}


class _Busy:
    """Asks nvidia-smi five times a second how much of the last moment the GPU was computing."""

    def __init__(self) -> None:
        self._shares: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _Busy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def mean(self) -> float | None:
        return statistics.fmean(self._shares) / 100 if self._shares else None

    def _watch(self) -> None:
        asked = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        while not self._over.wait(0.2):
            said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
            if said and said[0].isdigit():
                self._shares.append(float(said[0]))


def _settings(size: Size, device: str) -> RunSettings:
    sgd = {"name": "sgd", "learning_rate": 0.01, "momentum": 0.9, "weight_decay": 5e-4}
    return RunSettings.of(
        {
            "seed": 0,
            "data": {"name": "digits", "folder": "data"},  # made up: only the shapes count
            "model": {"name": size.model},
            "training": {"epochs": 1, "batch_size": size.batch, "optimizer": sgd},
            "compute": {"device": device, "dtype": "float32", "threads": 1},
        }
    )


def _data(size: Size) -> RunData:
    generator = np.random.default_rng(0)
    shape = (size.samples, *size.shape)
    texts = len(size.shape) == 1
    inputs = generator.integers(1000, size=shape) if texts else generator.standard_normal(shape, np.float32)
    places = np.arange(size.samples)
    train = Split(inputs, places % CLASSES, places)
    test = Split(inputs[:MANY], train.targets[:MANY], places[:MANY])
    classes = tuple(str(number) for number in range(CLASSES))
    return RunData(train, test, test, None, None, classes, "made up", "")


def _machine(device: str) -> dict[str, Any]:
    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else f"cpu ({platform.machine()})",
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
    }


def as_table(found: dict[str, Any]) -> str:
    """Return the measurements as Markdown."""
    machine = found["machine"]
    lines = [
        f"{machine['device']}, PyTorch {machine['torch']}, CUDA {machine['cuda']}. Ratios to plain training in PyTorch "
        "(median, lowest to highest).",
        "",
        "| network | | seconds | ratio | peak memory | GPU busy |",
        "|---|---|---|---|---|---|",
    ]
    for model, network in found["networks"].items():
        for name, read in network["contestants"].items():
            peak, busy = read["peak_bytes"], read["busy"]
            lines.append(
                f"| {model} | {name.replace('_', ' ')} | {read['seconds']:.3g} "
                f"| {read['ratio']:.2f} ({read['lowest']:.2f}-{read['highest']:.2f}) "
                f"| {'' if peak is None else f'{peak / 1e9:.2f} GB'} | {'' if busy is None else f'{busy:.0%}'} |"
            )
        lines += [f"| {model} | {name} | over {BUDGET:.0f} s | | | |" for name in network["left_out"]]
    lines += [f"| {model} | no time left | | | | |" for model in found["left_out"]]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.gpu_check", description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="the folder that takes gpu.json and gpu.md")
    parser.add_argument("--minutes", type=float, default=6.0, help="how long it may take (default 6)")
    parser.add_argument("--dry-run", action="store_true", help="tiny sizes on the processor")
    asked = parser.parse_args(arguments)
    if not asked.dry_run and not torch.cuda.is_available():
        sys.exit(
            str(
                StudyError(
                    "PyTorch finds no CUDA device", "one", "add --dry-run to try the script on the processor"
                )
            )
        )
    sizes, device = (DRY, "cpu") if asked.dry_run else (SIZES, "cuda")
    print(as_table(check_gpu(asked.out, sizes, device, 60 * asked.minutes)))


if __name__ == "__main__":
    main()
