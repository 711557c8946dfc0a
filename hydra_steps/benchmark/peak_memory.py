"""Peak memory of each contestant of the timing study, in a process of its own.

What is reported is the largest resident memory of the process while the contestant ran, less the resident memory just
before: data, model, libraries and the states of the training were there already (the states are counted as
``bytes_stored``). Linux keeps the peak and resets it on request (``/proc/self/clear_refs``); where it does not, the
cell is empty. On CUDA it is PyTorch's largest allocation, less what was allocated before.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hydra_steps.benchmark.contestants import comparison, stored_bytes
from hydra_steps.benchmark.timed_run import TimedRun
from hydra_steps.config.experiments import Benchmark
from hydra_steps.config.sections import RunSettings
from hydra_steps.config.study import Method
from hydra_steps.data import RunData
from hydra_steps.errors import StudyError
from hydra_steps.process.building import load_data
from hydra_steps.process.compute import prepare_compute
from hydra_steps.process.peak import forget_peak, held_memory, peak_memory

Key = tuple[Any, ...]


def measure_memory(
    run: RunSettings,
    splits: str | Path,
    labels: str | Path,
    options: Benchmark,
    methods: Mapping[str, Method],
    keys: Sequence[Key],
) -> list[tuple[Any, ...]]:
    """(*key, bytes stored, peak bytes or "") for the contestants of these ``keys``."""
    asked = {
        "run": run.of_training(),
        "splits": str(splits),
        "labels": str(labels),
        "options": options.plain(),
        "methods": {label: method.plain() for label, method in methods.items()},
        "keys": keys,
    }
    # A new interpreter, which has used no thread and no device yet: only such a one can be forked safely.
    done = subprocess.run(
        [sys.executable, "-m", "hydra_steps.benchmark.peak_memory"],
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise StudyError(
            f"measuring memory ended with exit code {done.returncode}", fix="read the message above it"
        )
    return [tuple(row) for row in json.loads(done.stdout)]


def main() -> None:
    """Answer the request on standard input, one process per contestant."""
    argparse.ArgumentParser(
        prog="python -m hydra_steps.benchmark.peak_memory",
        description=f"{__doc__}\nRun by the timing study, which writes a request to standard input.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    asked = json.load(sys.stdin)
    settings = RunSettings.of(asked["run"])
    data = load_data(settings, asked["splits"], asked["labels"])
    fork = multiprocessing.get_context("fork")
    rows = []
    for key in asked["keys"]:
        mine, theirs = fork.Pipe(duplex=False)
        child = fork.Process(target=_in_child, args=(asked, settings, data, key, theirs))
        child.start()
        theirs.close()
        answer = None
        with suppress(EOFError):
            answer = mine.recv()
        child.join()
        if answer is None:
            sys.exit(f"the process that measured {key[0]} ended with exit code {child.exitcode}")
        rows.append((*key, *answer))
    json.dump(rows, sys.stdout)


def _in_child(
    asked: dict[str, Any], settings: RunSettings, data: RunData, key: Key, answer: Connection
) -> None:
    prepare_compute(settings.compute)
    with tempfile.TemporaryDirectory(prefix="peak_memory-") as folder:
        options = Benchmark.of(asked["options"])
        methods = {label: Method.of(plain) for label, plain in asked["methods"].items()}
        run = TimedRun(settings, data, options.samples, options.epochs)
        everyone = comparison(run, options, methods, Path(folder))
        contestant = next(c for c in everyone if list(c.key) == list(key))
        contestant.run.plain_training()()  # loads the kernels
        if contestant.queries:
            _ = contestant.run.trajectory, contestant.run.sparse
        contestant.run.read.clear()
        peak = peak_of(contestant.act)
        answer.send((stored_bytes(contestant), "" if peak is None else peak))


def peak_of(act: Callable[[], Any]) -> int | None:
    """Bytes that ``act`` needed at its peak beyond what was there before; None where the system does not tell."""
    told = forget_peak()
    before = held_memory()
    act()
    return max(0, peak_memory() - before) if told else None


if __name__ == "__main__":
    main()
