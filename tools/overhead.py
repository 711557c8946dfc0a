"""What recording a trajectory adds to the time of a training.

LeNet-5 (61,706 parameters), batch 64, one thread, random images of MNIST's shape. Three trainings, without a record,
with all states and with sqrt, advance in turn by a fifth of a second each, in changing order, so that a busy machine
and a wandering clock disturb all three alike. Each is measured alone: what its background thread still has to write at
the end of its turn is waited for, once counted in full (``waited``: too much, as in a training it overlaps with the
next steps) and once not (``overlapped``). Creating and finishing the store counts. Not a test: a machine that does
something else cannot be asked.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import bootstrap

from hydra_steps.config.sections import RunSettings
from hydra_steps.estimate.tiny import random_data
from hydra_steps.process.building import build_process
from hydra_steps.process.process import Process
from hydra_steps.process.running import run
from hydra_steps.process.state import State
from hydra_steps.trajectory.keep import checkpoint_steps
from hydra_steps.trajectory.store import TrajectoryWriter

SAMPLES, RATE = 6400, 0.01
TURN = 25  # steps


def settings(epochs: int) -> RunSettings:
    optimizer = {"name": "sgd", "learning_rate": RATE, "momentum": 0.9, "weight_decay": 5e-4}
    plain = {
        "seed": 0,
        "data": {"name": "mnist"},
        "model": {"name": "lenet5_tanh"},
        "training": {"epochs": epochs, "batch_size": 64, "optimizer": optimizer},
    }
    return RunSettings.of(plain)


class Lane:
    """One training that advances turn by turn: ``turns`` are (seconds without, with the wait), ``ends`` the rest."""

    def __init__(self, process: Process, keep: str | None, folder: Path) -> None:
        began = time.perf_counter()
        self.process, self.writer = process, None
        self.state = process.initial_state()
        self.turns: list[tuple[float, float]] = []
        if keep is not None:
            sizes = zip(("parameters", "slots", "buffers"), map(len, self.state), strict=True)
            kept = checkpoint_steps(keep, process.steps, 1)
            self.writer = TrajectoryWriter.create(
                folder,
                attributes={},
                steps=process.steps,
                batch_size=64,
                dtype="float32",
                checkpoints=kept,
                **dict(sizes),
            )
            self.wanted = set(kept)
            self.writer.checkpoint(0, *(part.numpy() for part in self.state))
        self.ends = time.perf_counter() - began

    def advance(self, first: int, last: int) -> None:
        began = time.perf_counter()
        observe = self._watch if self.writer is None else self._record
        rates = [RATE] * self.process.steps
        self.state = run(self.process, self.state, rates, first, last, observe=observe)
        overlapped = time.perf_counter() - began
        if self.writer is not None:
            self.writer._recorder.drain()
        self.turns.append((overlapped, time.perf_counter() - began))

    def finish(self) -> None:
        began = time.perf_counter()
        if self.writer is not None:
            self.writer.finish()
        self.ends += time.perf_counter() - began

    def _watch(self, step: int, state: State, rate: float, losses: Any, gradient: Any) -> None:
        losses.double().mean().item(), torch.linalg.vector_norm(gradient).item()

    def _record(self, step: int, state: State, rate: float, losses: Any, gradient: Any) -> None:
        loss, norm = losses.double().mean().item(), torch.linalg.vector_norm(gradient).item()
        batch = self.process.table[step]
        self.writer.record(step + 1, batch=batch, learning_rate=rate, loss=loss, gradient_norm=norm)
        if step + 1 in self.wanted:
            self.writer.checkpoint(step + 1, *(part.numpy() for part in state))


def compare(epochs: int, rounds: int) -> None:
    torch.set_num_threads(1)
    process = build_process(settings(epochs), random_data(settings(epochs), SAMPLES))
    names = (None, "all", "sqrt")
    lanes: dict[str | None, list[Lane]] = {name: [] for name in names}
    for turn in range(rounds):
        with tempfile.TemporaryDirectory(dir=".") as folder:
            now = {name: Lane(process, name, Path(folder) / str(name)) for name in names}
            for place, first in enumerate(range(0, process.steps, TURN)):
                for k in range(len(names)):
                    now[names[(turn + place + k) % len(names)]].advance(
                        first, min(first + TURN, process.steps)
                    )
            for name, lane in now.items():
                lane.finish()
                lanes[name].append(lane)
    plain = np.array([turn[0] for lane in lanes[None] for turn in lane.turns])
    training = plain.sum() / rounds
    print(f"{process.steps} steps, {training / process.steps * 1e3:.2f} ms each without a record")
    for name in names[1:]:
        ends = statistics.median(lane.ends for lane in lanes[name]) / training
        for place, kind in enumerate(("overlapped", "waited")):
            ratios = np.array([turn[place] for lane in lanes[name] for turn in lane.turns]) / plain + ends
            low, high = np.quantile(ratios, [0.25, 0.75])
            sums = sum(turn[place] for lane in lanes[name] for turn in lane.turns) / plain.sum() + ends
            interval = bootstrap((ratios,), np.median, rng=0).confidence_interval
            print(
                f"keep {name:<5} {kind:<11}{np.median(ratios):.3f} times as long (95 % interval {interval.low:.3f} to "
                f"{interval.high:.3f}, quartiles {low:.3f} to {high:.3f}, sums {sums:.3f}), {len(ratios)} turns, "
                f"of it create and finish {ends:.4f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.overhead",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("epochs", nargs="?", type=int, default=20, help="of each training")
    parser.add_argument("rounds", nargs="?", type=int, default=4, help="of all three trainings")
    asked = parser.parse_args()
    compare(asked.epochs, asked.rounds)


if __name__ == "__main__":
    main()
