"""The trajectory store: a training run as one Zarr group that is complete, verified and readable without
torch.

`TrajectoryWriter` (module `writer`) writes one, `TrajectoryStore` reads it. A store is read only if it is
whole: it was finished, its schema is this release's, and no attribute, array description or block file is
missing, cut or changed. Values are compared with their SHA-256 the first time that their block is read.

    parameters [checkpoint, p], slots [checkpoint, k, p], buffers [checkpoint, r]: the kept states, steps in
    `checkpoints` batches [t, b], learning_rates, losses, gradient_norms [t]: row t-1 belongs to step t
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import zarr

from hydra_steps.config.sections import RunSettings
from hydra_steps.errors import StudyError
from hydra_steps.stores import check_regular, readable
from hydra_steps.trajectory import arrays, manifest
from hydra_steps.trajectory.arrays import STATE, StoredState
from hydra_steps.trajectory.manifest import STORE, retrain
from hydra_steps.trajectory.writer import TrajectoryWriter

if TYPE_CHECKING:
    import xarray

__all__ = ["StoredState", "StoredStates", "TrajectoryStore", "TrajectoryWriter"]

CACHED_BLOCKS = 2  # of each array: a segment of a sweep may reach over the edge of a block


class StoredStates(NamedTuple):
    """Consecutive stored states: steps [c], parameters [c, p], slots [c, k, p], buffers [c, r]."""

    steps: np.ndarray
    parameters: np.ndarray
    slots: np.ndarray
    buffers: np.ndarray


class TrajectoryStore:
    """A finished trajectory, read only. Memory: two blocks (about 2 × 4 MB) and what the caller keeps."""

    def __init__(self, folder: Path, group: zarr.Group, described: dict[str, Any]) -> None:
        self.folder, self.manifest = folder, described
        self.attributes: dict[str, Any] = dict(group.attrs)
        self._group = group
        self._arrays = {name: arrays.get_array(group, name) for name in described["members"]}
        self._verified: set[tuple[str, int]] = set()
        self._cache: OrderedDict[tuple[str, int], np.ndarray] = OrderedDict()
        self.steps: int = self._arrays["loss"].shape[0]
        self.checkpoints = self._whole("checkpoint_step")

    @classmethod
    def open(cls, folder: Path | str) -> TrajectoryStore:
        """Open the trajectory in ``folder``; :class:`StudyError` unless it is whole. Values are checked when
        read.
        """
        folder = Path(folder)
        store = folder / STORE
        if not (store / "zarr.json").is_file():
            raise StudyError(
                f"there is no trajectory at {folder}", f"{STORE} with a finished training", retrain(folder)
            )
        check_regular(store, retrain(folder))
        with readable(store, retrain(folder)):
            group = zarr.open_group(str(store), mode="r")
            attributes = dict(group.attrs)
        if attributes.get("complete") is not True:
            raise StudyError(f"{store} was not finished", "the attribute complete: true", retrain(folder))
        manifest.check_version(attributes.get("schema_version"), folder)
        described = manifest.read_manifest(folder)
        manifest.check_attributes(attributes, described, folder)
        for name, digests in described["members"].items():
            arrays.check_files(folder, group, name, digests)
        return cls(folder, group, described)

    @property
    def digest(self) -> str:
        """The SHA-256 that names the content of this trajectory."""
        return str(self.manifest["digest"])

    @property
    def settings(self) -> RunSettings:
        """What was trained: the attribute ``config``, typed."""
        return RunSettings.of(self.attributes["config"])

    def state(self, step: int) -> StoredState:
        """Return the stored state after ``step``, as fresh arrays; :class:`StudyError` if that step was not
        kept.
        """
        row = int(np.searchsorted(self.checkpoints, step))
        if row == len(self.checkpoints) or self.checkpoints[row] != step:
            kept = self.checkpoints[max(0, row - 1) : row + 1].tolist()
            raise StudyError(
                f"the state of step {step} is not stored in {self.folder}",
                f"one of {len(self.checkpoints)} kept steps of 0..{self.steps}, near it {kept}",
                "replay it from the one before",
            )
        return StoredState(*(values[0] for values in self._rows(row, row + 1)))

    def states(self, first: int, last: int) -> StoredStates:
        """Return all stored states with ``first`` <= step <= ``last``, as fresh arrays; memory O(their
        number).
        """
        start, stop = np.searchsorted(self.checkpoints, [first, last + 1]).tolist()
        return StoredStates(self.checkpoints[start:stop].copy(), *self._rows(start, stop))

    @cached_property
    def batches(self) -> np.ndarray:
        """The samples of each step [t, b], int32 positions in the training split, -1 after a short batch."""
        return self._whole("batch")

    @cached_property
    def learning_rates(self) -> np.ndarray:
        return self._whole("learning_rate")

    @cached_property
    def losses(self) -> np.ndarray:
        return self._whole("loss")

    @cached_property
    def gradient_norms(self) -> np.ndarray:
        return self._whole("gradient_norm")

    @cached_property
    def epochs(self) -> dict[str, np.ndarray]:
        """The numbers of the epochs under ``epoch`` and each metric under ``epoch_<metric>``, all [epoch]."""
        return {name: self._whole(name) for name in self._arrays if name.startswith("epoch")}

    def verify(self) -> None:
        """Read every block and compare its digest; :class:`StudyError` names the first that differs. About 1
        GB/s.
        """
        self._verified.clear()
        self._cache.clear()
        for name, array in self._arrays.items():
            for block in range(_blocks(array)):
                self._read_block(name, block)

    def to_xarray(self) -> xarray.Dataset:
        """Return a lazily read dataset with the dimension names of the store and steps and checkpoints as
        coordinates.

        Lazy values pass by the digests: call ``verify`` first where that matters.
        """
        import xarray

        data: xarray.Dataset = xarray.open_zarr(
            str(self.folder / STORE), consolidated=False, zarr_format=3, chunks=None
        )
        coordinates = {"step": np.arange(1, self.steps + 1), "checkpoint": self.checkpoints}
        return data.drop_vars("checkpoint_step").assign_coords(coordinates)

    def _rows(self, start: int, stop: int) -> list[np.ndarray]:
        """Return rows start..stop-1 of the three state arrays, copied out of their blocks."""
        return [self._slice(name, start, stop) for name in STATE]

    def _slice(self, name: str, start: int, stop: int) -> np.ndarray:
        array = self._arrays[name]
        out = np.empty((max(0, stop - start), *array.shape[1:]), dtype=array.dtype)
        if not out.size:
            return out
        size = array.chunks[0]
        for block in range(start // size, (stop - 1) // size + 1):
            low, high = max(start, block * size), min(stop, (block + 1) * size)
            out[low - start : high - start] = self._block(name, block)[
                low - block * size : high - block * size
            ]
        return out

    def _block(self, name: str, block: int) -> np.ndarray:
        """Return a block, from memory if it was among the last read."""
        if (name, block) not in self._cache:
            values = self._read_block(name, block)
            while len(self._cache) >= CACHED_BLOCKS * len(STATE):
                self._cache.popitem(last=False)
            self._cache[name, block] = values
        self._cache.move_to_end((name, block))
        return self._cache[name, block]

    def _read_block(self, name: str, block: int) -> np.ndarray:
        """Read a block from disk and, the first time, compare its digest."""
        array = self._arrays[name]
        start, new = block * array.chunks[0], (name, block) not in self._verified
        with readable(self.folder / STORE / name, retrain(self.folder)):
            values = np.asarray(array[start : start + array.chunks[0]])
            padded = not new or arrays.padding_is_intact(self.folder, array, block)
        if new:
            if (
                not padded
                or manifest.digest_values(values) != self.manifest["members"][name]["blocks"][block]
            ):
                raise StudyError(
                    f"block {block} of {self.folder / STORE / name} was changed after training",
                    "the digest in the manifest",
                    retrain(self.folder),
                )
            self._verified.add((name, block))
        return values

    def _whole(self, name: str) -> np.ndarray:
        array = self._arrays[name]
        blocks = [self._read_block(name, block) for block in range(_blocks(array))]
        return np.concatenate(blocks) if blocks else np.empty(array.shape, dtype=array.dtype)


def _blocks(array: zarr.Array[Any]) -> int:
    return -(-array.shape[0] // array.chunks[0]) if array.size else 0
