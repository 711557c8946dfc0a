"""The arrays of a trajectory store: names, shapes, types, blocks and dimension names.

Index letters: c checkpoints, p parameters, k optimizer slots, r buffer entries, t steps, b samples of a
batch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import zarr

from hydra_steps.errors import StudyError
from hydra_steps.json_files import read_json_if_whole
from hydra_steps.trajectory.manifest import STORE, as_bytes, digest_json, digest_values, retrain

STATE = ("parameters", "slots", "buffers")
STEP = ("batch", "learning_rate", "loss", "gradient_norm")
STEP_ROWS = 1024  # steps per block of a per-step array
BLOCK_BYTES = 4 * 2**20  # of states per block, parameters, slots and buffers together
SMALL_BLOCK_BYTES = 2**20
MAX_BLOCK_ROWS = 1024
SEGMENT_STATES, SEGMENT_BYTES = 64, 2**28  # of stored states that a sweep reads at once, at most
PADDING = -1  # in `batch`, after the last sample of a short batch


class StoredState(NamedTuple):
    """One stored state: parameters [p], slots [k, p], buffers [r], as numpy arrays of the store's dtype."""

    parameters: np.ndarray
    slots: np.ndarray
    buffers: np.ndarray


@dataclass(frozen=True)
class Shape:
    """The sizes that fix the layout of a store; ``dtype`` is float32 or float64, ``checkpoints`` rise from 0
    to T.
    """

    steps: int
    batch_size: int
    parameters: int
    slots: int
    buffers: int
    dtype: str
    checkpoints: Sequence[int]
    block_bytes: int = BLOCK_BYTES

    def __post_init__(self) -> None:
        kept = [int(step) for step in self.checkpoints]
        if kept != sorted(set(kept)) or (kept[:1], kept[-1:]) != ([0], [self.steps]):
            raise ValueError(f"checkpoints rise from 0 to {self.steps}: {kept}")
        object.__setattr__(self, "checkpoints", tuple(kept))
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"the state's dtype is float32 or float64, not {self.dtype}")

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "checkpoints": list(self.checkpoints)}

    @property
    def bytes_per_state(self) -> int:
        return state_bytes(self.parameters, self.slots, self.buffers, self.dtype)

    @property
    def bytes(self) -> int:
        """All values of the store, in bytes."""
        states = len(self.checkpoints) * (self.bytes_per_state + 8)
        return states + self.steps * (4 * self.batch_size + 3 * 8)

    @property
    def block_rows(self) -> int:
        """States per block: about ``block_bytes`` where all states are stored, and less, but not below a
        megabyte, where they come rarely; all blocks about equally full.

        Large blocks are written fast. But a block is written again and again until it is full, and it should
        not take long to fill.
        """
        count = len(self.checkpoints)
        gap = self.checkpoints[1] - self.checkpoints[0] if count > 1 else 1
        budget = max(self.block_bytes // gap, min(self.block_bytes, SMALL_BLOCK_BYTES))
        most = max(1, min(budget // max(self.bytes_per_state, 1), MAX_BLOCK_ROWS, count))
        return -(-count // -(-count // most))


def state_bytes(parameters: int, slots: int, buffers: int, dtype: str) -> int:
    """Return the bytes of one stored state.

    >>> state_bytes(1000, 1, 0, "float32")
    8000
    """
    return (parameters * (1 + slots) + buffers) * np.dtype(dtype).itemsize


def states_at_once(bytes_per_state: int) -> int:
    """Return how many stored states of so many bytes a sweep reads at once: 64, or as many as fit 256 MB.

    >>> states_at_once(500_000), states_at_once(10**9)
    (64, 1)
    """
    return max(1, min(SEGMENT_STATES, SEGMENT_BYTES // max(bytes_per_state, 1)))


def create_arrays(group: zarr.Group, shape: Shape) -> dict[str, zarr.Array[Any]]:
    """Create the arrays that grow during training, uncompressed, unwritten values NaN or -1."""
    states, rows = len(shape.checkpoints), shape.block_rows
    steps = max(1, min(shape.steps, STEP_ROWS))
    specs: dict[str, tuple[tuple[int, ...], int, str, tuple[str, ...]]] = {
        "parameters": ((states, shape.parameters), rows, shape.dtype, ("checkpoint", "parameter")),
        "slots": (
            (states, shape.slots, shape.parameters),
            rows,
            shape.dtype,
            ("checkpoint", "slot", "parameter"),
        ),
        "buffers": ((states, shape.buffers), rows, shape.dtype, ("checkpoint", "buffer")),
        "batch": ((shape.steps, shape.batch_size), steps, "int32", ("step", "b")),
        **{name: ((shape.steps,), steps, "float64", ("step",)) for name in STEP[1:]},
    }
    return {name: create_array(group, name, *spec) for name, spec in specs.items()}


def create_array(
    group: zarr.Group, name: str, shape: tuple[int, ...], rows: int, dtype: str, dimensions: tuple[str, ...]
) -> zarr.Array[Any]:
    """Create one array with blocks of whole rows; an all-fill block is written too, so a missing file is a
    fault.
    """
    return group.create_array(
        name,
        shape=shape,
        chunks=(max(1, rows), *(max(1, size) for size in shape[1:])),
        dtype=dtype,
        compressors=None,
        filters=None,
        fill_value=float("nan") if dtype.startswith("float") else PADDING,
        dimension_names=dimensions,
        config={"write_empty_chunks": True},
    )


def get_array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    """Return an array, writing all-fill blocks too; KeyError if there is none."""
    found = group[name]
    if not isinstance(found, zarr.Array):
        raise KeyError(f"{name} is not an array")
    return found.with_config({"write_empty_chunks": True})


def write_whole(group: zarr.Group, name: str, values: np.ndarray) -> list[str]:
    """Write a small array [one dimension] as one block and return its digests; replaces an earlier one."""
    dimension = "checkpoint" if name == "checkpoint_step" else "epoch"
    if name in group:
        del group[name]
    array = create_array(group, name, values.shape, len(values), values.dtype.name, (dimension,))
    array[:] = values
    return [digest_values(values)] if values.size else []


def metadata_digest(folder: Path, name: str) -> str:
    """Return the digest of an array's own description, its ``zarr.json``; of nothing where that cannot be
    read.
    """
    return digest_json(read_json_if_whole(folder / STORE / name / "zarr.json"))


def block_file(folder: Path, array: zarr.Array[Any], block: int) -> Path:
    """Return the file of a block."""
    key = array.metadata.encode_chunk_key((block, *(0 for _ in array.shape[1:])))
    return folder / STORE / array.path / key


def padding_is_intact(folder: Path, array: zarr.Array[Any], block: int) -> bool:
    """Return whether the rows after the array's end, which only the last block can have, are still fill
    values.
    """
    rows = (block + 1) * array.chunks[0] - array.shape[0]
    if rows <= 0:
        return True
    fill = np.full((rows, *array.chunks[1:]), array.fill_value, dtype=array.dtype)
    with block_file(folder, array, block).open("rb") as file:
        file.seek(-fill.nbytes, os.SEEK_END)
        return file.read() == as_bytes(fill)


def check_files(folder: Path, group: zarr.Group, name: str, described: Mapping[str, Any]) -> None:
    """Raise :class:`StudyError` unless the array's description is unchanged and each block file is there, in
    full.

    Costs one look at the folder's entry per block; the values themselves are compared when they are read.
    """
    path = folder / STORE / name
    if metadata_digest(folder, name) != described["metadata"]:
        raise StudyError(
            f"{path}/zarr.json is missing or was changed", "the array as written", retrain(folder)
        )
    array = get_array(group, name)
    size = int(np.prod(array.chunks)) * array.dtype.itemsize
    for block in range(len(described["blocks"])):
        file = block_file(folder, array, block)
        found = file.stat().st_size if file.is_file() else None
        if found != size:
            what = "is missing" if found is None else f"has {found} bytes instead of {size}"
            raise StudyError(f"block {block} of {path} {what}", "every block in full", retrain(folder))
