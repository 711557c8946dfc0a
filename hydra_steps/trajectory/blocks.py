"""Filling Zarr arrays row by row in whole blocks, off the training thread, with a digest per block.

The training thread copies a row into a preallocated block; a background thread digests full blocks and writes
them, each by one atomic replacement of one chunk file. Both release the interpreter's lock while they work on the
bytes. Two blocks per array bound the memory: when the disk cannot keep up, training waits for it.

A block can also be written before it is full, to have its first rows safe. The rows after them then hold no
meaning until the block is written again, so what counts as written is said elsewhere (the journal), never by
the file.
"""

from __future__ import annotations

import hashlib
import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from hydra_steps.errors import StudyError
from hydra_steps.trajectory.manifest import as_bytes, digest_values, storage_error


class BackgroundWriter:
    """Runs tasks one after another in a thread; the first failure stops all later ones and surfaces at
    ``check``.
    """

    def __init__(self) -> None:
        self._tasks: queue.SimpleQueue[Callable[[], None] | threading.Event | None] = queue.SimpleQueue()
        self._error: BaseException | None = None
        # A daemon, so that a training that dies with an exception is not kept alive by its writer.
        self._thread = threading.Thread(target=self._work, name="trajectory-writer", daemon=True)
        self._thread.start()

    def submit(self, task: Callable[[], None]) -> None:
        self.check()
        self._tasks.put(task)

    def check(self) -> None:
        """Raise what went wrong in the background, if anything did."""
        if isinstance(self._error, StudyError):
            raise StudyError(self._error.found, self._error.expected, self._error.fix) from self._error
        if self._error is not None:
            raise RuntimeError("the trajectory's writer thread failed") from self._error

    def drain(self) -> None:
        """Wait until all submitted tasks are done, then ``check``."""
        done = threading.Event()
        self._tasks.put(done)
        done.wait()
        self.check()

    def close(self) -> None:
        """Finish the submitted tasks and end the thread; does not ``check``."""
        self._tasks.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            if isinstance(task, threading.Event):
                task.set()
            elif self._error is None:
                try:
                    task()
                except Exception as error:
                    self._error = error


def replace_chunk(path: Path, values: np.ndarray) -> None:
    """Write an uncompressed chunk's file, whole or not at all: the values' bytes, as Zarr writes them.

    Zarr's own way makes the same file, but spends milliseconds of Python on it, in which training cannot go on.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial_path = path.with_suffix(".partial")
    try:
        with partial_path.open("wb", buffering=0) as file:
            left = memoryview(as_bytes(values))
            while left:
                left = left[file.write(left) :]
        partial_path.replace(path)
    except BaseException:
        partial_path.unlink(missing_ok=True)
        raise


class BlockSeries:
    """One Zarr array that is filled along its first axis, a block (= a chunk) at a time.

    ``append`` belongs to the training thread; ``digests`` and the writing to the background thread. Cost of a
    row: one copy of it in the training thread; one digest and one write of it in the background.
    """

    def __init__(self, array: zarr.Array[Any], folder: Path, writer: BackgroundWriter) -> None:
        self.array, self.name = array, array.basename
        self.capacity, self.block_rows = array.shape[0], array.chunks[0]
        self.count = 0  # rows appended, as the training thread sees it
        self.digests: list[str] = []  # of the full blocks, as the background thread sees it
        self.seconds_waited = 0.0
        self._path = folder / array.path
        self._writer = writer
        self._row_shape, self._empty = array.shape[1:], array.size == 0
        self._free: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()
        if not self._empty:
            for _ in range(1 if self.capacity <= self.block_rows else 2):
                self._free.put(np.zeros((self.block_rows, *self._row_shape), dtype=array.dtype))
        self._buffer: np.ndarray | None = None
        self._hash, self._hashed = hashlib.sha256(), 0  # of the block at work, background thread only

    def append(self, row: np.ndarray | float) -> None:
        """Copy one row [*shape of a row] into the block at work; hand the block over when it is full."""
        if self.count >= self.capacity:
            raise ValueError(f"{self.name} has room for {self.capacity} rows, and they are all taken")
        if getattr(row, "shape", ()) != self._row_shape:
            raise ValueError(f"a row of {self.name} has shape {self._row_shape}, not {np.shape(row)}")
        if not self._empty:
            if self._buffer is None:
                self._buffer = self._take_buffer()
            self._buffer[self.count % self.block_rows] = row
        self.count += 1
        if self.count % self.block_rows == 0 or self.count == self.capacity:
            self.flush()

    def flush(self) -> None:
        """Hand the block at work to the background thread, full or not."""
        if self._buffer is None:
            return
        block = (self.count - 1) // self.block_rows
        filled = self.count - block * self.block_rows
        full = filled == self.block_rows or self.count == self.capacity
        self._writer.submit(partial(self._write, block, self._buffer, filled, full))
        if full:
            self._buffer = None

    def digest_so_far(self) -> str:
        """Return the digest of the rows written of the block at work (background thread)."""
        return self._hash.hexdigest()

    def restore(self, count: int, digests: list[str]) -> None:
        """Continue after ``count`` rows that are on disk, whose full blocks have these digests."""
        full_blocks = count // self.block_rows
        self.count, self.digests = count, list(digests[:full_blocks])
        start = full_blocks * self.block_rows
        if count == start or self._empty:
            return
        rows = np.asarray(self.array[start:count])
        if count == self.capacity:  # the last block is full although it is short
            self.digests.append(digest_values(rows))
            return
        self._buffer = self._take_buffer()
        self._buffer[: count - start] = rows
        self._hash.update(as_bytes(rows))
        self._hashed = count - start

    def valid_rows(self, count: int, digests: list[str], last: str) -> int:
        """Return how many of the first ``count`` rows on disk are what was written.

        ``digests`` are those of the full blocks, ``last`` that of the rows after them. Reads all of it.
        """
        if self._empty:
            return count
        for start in range(0, count, self.block_rows):
            stop, block = min(start + self.block_rows, count), start // self.block_rows
            expected = digests[block] if block < len(digests) else last
            try:
                intact = digest_values(np.asarray(self.array[start:stop])) == expected
            except (OSError, ValueError, KeyError):
                intact = False
            if not intact:
                return start
        return count

    def _write(self, block: int, buffer: np.ndarray, filled: int, full: bool) -> None:
        """Digest the new rows and replace the chunk (background thread)."""
        self._hash.update(as_bytes(buffer[self._hashed : filled]))
        self._hashed = filled
        start = block * self.block_rows
        stop = min(start + self.block_rows, self.capacity)
        buffer[stop - start :] = self.array.fill_value
        try:
            replace_chunk(self._chunk_path(block), buffer)
        except OSError as error:
            raise storage_error(error, self._path, f"writing block {block} of") from error
        if full:
            self.digests.append(self.digest_so_far())
            self._hash, self._hashed = hashlib.sha256(), 0
            self._free.put(buffer)

    def _chunk_path(self, block: int) -> Path:
        key = self.array.metadata.encode_chunk_key((block, *[0] * len(self._row_shape)))
        return self._path / key

    def _take_buffer(self) -> np.ndarray:
        """Return a free block; wait for the disk if there is none, unless the disk has failed."""
        begin = time.perf_counter()
        while True:
            try:
                return self._free.get(timeout=0.05)
            except queue.Empty:
                self._writer.check()
            finally:
                self.seconds_waited += time.perf_counter() - begin
                begin = time.perf_counter()
