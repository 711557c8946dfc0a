"""``python -m tools.states TRAJECTORY``: what reading the states of a trajectory costs and how much smaller they get
by a codec of a library.

For a run's folder with every state stored (``keep: all``), as ``results/quickstart/runs/base-seed0/trajectory``. Blocks
as the store has them are compressed as they are, after XOR with the state before, and after the difference to it as
whole numbers; the first state of a block is left whole, so that a block can be read by itself. Decoded blocks are
compared bit by bit. Times are processor time of one thread, beside that of some of the run's own training steps.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numcodecs import Blosc, blosc

from hydra_steps.errors import StudyError, reported
from hydra_steps.trajectory.store import TrajectoryStore
from hydra_steps.trajectory.trajectory import Trajectory

CODECS = {
    f"{name} {level}, {word}": Blosc(name, level, shuffle)
    for name, level in (("lz4", 1), ("zstd", 1), ("zstd", 5))
    for word, shuffle in (("bytes shuffled", Blosc.SHUFFLE), ("bits shuffled", Blosc.BITSHUFFLE))
}
STEPS = 30  # of training that are timed
BLOCKS = 12  # of each array that are compressed, evenly over the training

Numbers = Callable[[np.ndarray], np.ndarray]


def as_it_is(rows: np.ndarray) -> np.ndarray:
    return rows


def xor(rows: np.ndarray) -> np.ndarray:
    """Return each row's bits XOR those of the row before; ``rows`` [c, …] are unsigned whole numbers."""
    coded = rows.copy()
    coded[1:] ^= rows[:-1]
    return coded


def difference(rows: np.ndarray) -> np.ndarray:
    """Return each row less the row before, as whole numbers that wrap around."""
    coded = rows.copy()
    coded[1:] -= rows[:-1]
    return coded


CODINGS: dict[str, tuple[Numbers, Numbers]] = {
    "as they are": (as_it_is, as_it_is),
    "XOR": (xor, lambda coded: np.bitwise_xor.accumulate(coded, axis=0)),
    "difference": (difference, lambda coded: np.add.accumulate(coded, axis=0, dtype=coded.dtype)),
}


@dataclass
class Found:
    """Sums over blocks: bytes before and after, processor seconds of either way."""

    whole: int = 0
    small: int = 0
    writing: float = 0.0
    reading: float = 0.0

    def add(self, rows: np.ndarray, codec: Blosc, coding: tuple[Numbers, Numbers]) -> None:
        """Compress and decode a block [c, …] of whole numbers."""
        began = time.process_time()
        packed = codec.encode(np.ascontiguousarray(coding[0](rows)))
        written = time.process_time()
        back = coding[1](np.frombuffer(codec.decode(packed), rows.dtype).reshape(rows.shape))
        self.reading += time.process_time() - written
        self.writing += written - began
        self.whole, self.small = self.whole + rows.nbytes, self.small + len(packed)
        if back.tobytes() != rows.tobytes():
            raise RuntimeError(f"{codec} does not give back what it was given")


def blocks(store: TrajectoryStore, name: str) -> Iterator[np.ndarray]:
    """Yield blocks of the array ``name`` as the store has them, as unsigned whole numbers."""
    array = store.to_xarray()[name]
    rows = int(array.encoding["chunks"][0])
    starts = np.arange(0, len(array), rows)
    for place in np.unique(np.linspace(0, len(starts) - 1, min(BLOCKS, len(starts))).round().astype(int)):
        values = np.ascontiguousarray(array[starts[place] : starts[place] + rows].values)
        yield values.view(f"u{values.dtype.itemsize}")


def seconds_per_step(trajectory: Trajectory) -> float:
    """Return the processor seconds of a training step of the run, the median of some."""
    process, state, taken = trajectory.process, trajectory.state(0), []
    for step in range(min(STEPS, process.steps)):
        began = time.process_time()
        state, losses, gradient = process.step(state, step, trajectory.rates[step])
        float(losses.mean()), float(gradient.norm())
        taken.append(time.process_time() - began)
    return float(np.median(taken))


def seconds_of_reading(trajectory: Trajectory) -> tuple[float, float]:
    """Return the processor's seconds and those of the clock for reading and verifying a state, as a sweep does."""
    began, clock = time.process_time(), time.perf_counter()
    for _ in trajectory.segments(reverse=True):
        pass
    taken, passed = time.process_time() - began, time.perf_counter() - clock
    return taken / trajectory.steps, passed / trajectory.steps


def table(folder: Path) -> list[str]:
    """Return the measurements in Markdown."""
    trajectory = Trajectory.open(folder)
    store = trajectory.store
    if store is None or len(store.checkpoints) != store.steps + 1:
        raise StudyError(f"{folder} does not hold every state", "a training with trajectory.keep: all")
    torch.set_num_threads(1)
    blosc.set_nthreads(1)
    (read, clock), step = seconds_of_reading(trajectory), seconds_per_step(trajectory)
    lines = [
        f"{store.steps:,} steps of {1e3 * step:.2f} ms. A state is read and verified in {1e3 * read:.2f} ms "
        f"({1e3 * clock:.2f} ms by the clock).",
        "Compressing and decoding a state takes a share of a step:",
        "",
        "| array | coding | codec | size / stored | compressing | decoding |",
        "|---|---|---|---:|---:|---:|",
    ]
    for name in ("parameters", "slots"):
        parts = list(blocks(store, name)) if store.to_xarray()[name].size else []
        states = sum(len(rows) for rows in parts)
        for coding, both in CODINGS.items():
            for codec, made in CODECS.items():
                found = Found()
                for rows in parts:
                    found.add(rows, made, both)
                if states:
                    shares = (seconds / states / step for seconds in (found.writing, found.reading))
                    cells = [f"{found.small / found.whole:.2f}", *(f"{share:.1%}" for share in shares)]
                    lines.append(f"| {name} | {coding} | {codec} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.states",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("trajectory", type=Path, help="the folder of a run's trajectory")
    with reported():
        print("\n".join(table(parser.parse_args().trajectory)))


if __name__ == "__main__":
    main()
