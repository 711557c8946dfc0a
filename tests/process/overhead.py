"""``python -m tests.process.overhead [EPOCHS] [ROUNDS]``: what recording a trajectory adds to the time of a training.

LeNet-5 (61,706 parameters), batch 64, one thread, random images of MNIST's shape. Each round trains once without a
record, once with all states and once with sqrt, so that a busy machine disturbs all three alike. Not a test: a
machine that does something else cannot be asked.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from hydra_steps.estimate.calibration import random_data
from hydra_steps.process.keep import checkpoint_steps
from hydra_steps.process.process import build_process
from hydra_steps.process.running import run
from hydra_steps.process.state import State
from hydra_steps.process.store import TrajectoryWriter

SAMPLES, RATE = 6400, 0.01


def settings(epochs: int) -> dict[str, Any]:
    optimizer = {"name": "sgd", "learning_rate": RATE, "momentum": 0.9, "weight_decay": 5e-4}
    return {
        "seed": 0,
        "data": {"name": "mnist"},
        "model": {"name": "lenet5_tanh"},
        "training": {"epochs": epochs, "batch_size": 64, "optimizer": optimizer},
        "compute": {"device": "cpu"},
    }


def seconds(process: Any, keep: str | None, folder: Path) -> float:
    """Return the time of one training, from before its store is created until after it is finished."""
    began = time.perf_counter()
    state = process.initial_state()
    if keep is None:

        def watch(step: int, state: State, rate: float, losses: Any, gradient: Any) -> None:
            losses.double().mean().item(), torch.linalg.vector_norm(gradient).item()

        run(process, state, [RATE] * process.steps, observe=watch)
        return time.perf_counter() - began
    sizes = {"parameters": len(state.parameters), "slots": len(state.slots), "buffers": len(state.buffers)}
    kept = checkpoint_steps(keep, process.steps, 1)
    with TrajectoryWriter.create(
        folder, attributes={}, steps=process.steps, batch_size=64, dtype="float32", checkpoints=kept, **sizes
    ) as writer:
        writer.checkpoint(0, *(part.numpy() for part in state))

        def record(step: int, state: State, rate: float, losses: Any, gradient: Any) -> None:
            loss, norm = losses.double().mean().item(), torch.linalg.vector_norm(gradient).item()
            batch = process.table[step]
            writer.record(step + 1, batch=batch, learning_rate=rate, loss=loss, gradient_norm=norm)
            if step + 1 in wanted:
                writer.checkpoint(step + 1, *(part.numpy() for part in state))

        wanted = set(kept)
        run(process, state, [RATE] * process.steps, observe=record)
        writer.finish()
    return time.perf_counter() - began


def main(epochs: int = 5, rounds: int = 7) -> None:
    torch.set_num_threads(1)
    process = build_process(settings(epochs), random_data(settings(epochs), SAMPLES))
    times: dict[str | None, list[float]] = {None: [], "all": [], "sqrt": []}
    with tempfile.TemporaryDirectory(dir=".") as name:
        seconds(process, None, Path(name))
        for _ in range(rounds):
            for keep, found in times.items():
                found.append(seconds(process, keep, Path(name) / "trajectory"))
    plain = statistics.median(times[None])
    print(f"{process.steps} steps, {plain / process.steps * 1e3:.2f} ms each without a record")
    for keep in ("all", "sqrt"):
        paired = statistics.median(a / b for a, b in zip(times[keep], times[None], strict=True))
        print(
            f"keep {keep:<5} {statistics.median(times[keep]) / plain:.3f} times as long; paired {paired:.3f}"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
