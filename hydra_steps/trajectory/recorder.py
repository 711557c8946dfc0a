"""The rows of a growing trajectory: appended in the training thread, safe on disk at each commit.

A commit has all rows written that were appended so far, also in blocks not yet full, and then the journal, which says
how many rows of each array are on disk, their digests, and whatever note the caller has. `restore` believes the journal
only as far as the digests of what is on disk agree with it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import zarr

from hydra_steps.trajectory.arrays import STATE, STEP, get_array, metadata_digest
from hydra_steps.trajectory.blocks import BackgroundWriter, BlockSeries
from hydra_steps.trajectory.manifest import STORE
from hydra_steps.trajectory.scratch import Scratch

FLUSH_SECONDS = 2.0
# Writing blocks that are not yet full takes at most this share of the time, unless it takes a minute at once.
COMMIT_SHARE = 0.02


class Recorder:
    """The growing arrays of one store. ``flush_seconds`` is the least time from one commit to the next, by default two
    seconds.
    """

    def __init__(
        self, scratch: Scratch, group: zarr.Group, identity: str, flush_seconds: float | None
    ) -> None:
        self._scratch, self._identity = scratch, identity
        self._flush_seconds = FLUSH_SECONDS if flush_seconds is None else flush_seconds
        self._background = BackgroundWriter()
        self._series = {
            name: BlockSeries(get_array(group, name), scratch.folder / STORE, self._background)
            for name in (*STATE, *STEP)
        }
        self._metadata = {name: metadata_digest(scratch.folder, name) for name in self._series}
        self._next_commit, self._committing = 0.0, False

    def append(self, rows: Mapping[str, np.ndarray | float]) -> None:
        """Append one row to each array named; copies."""
        for name, row in rows.items():
            self._series[name].append(row)

    @property
    def states(self) -> int:
        """The number of states appended."""
        return self._series[STATE[0]].count

    @property
    def seconds_waited(self) -> float:
        """The time for which training waited for the disk."""
        return sum(series.seconds_waited for series in self._series.values())

    def read(self, name: str, rows: slice | int) -> np.ndarray:
        """Read rows that are on disk."""
        return np.asarray(self._series[name].array[rows])

    def commit_if_due(self, note: Mapping[str, Any]) -> None:
        """Commit unless the last commit is recent or under way."""
        if time.monotonic() >= self._next_commit and not self._committing:
            self.commit(note)
        else:
            self._background.check()

    def commit(self, note: Mapping[str, Any]) -> None:
        """Have everything appended so far written, and then the journal that says so."""
        self._committing, began = True, time.monotonic()
        for series in self._series.values():
            series.flush()
        counts = {name: series.count for name, series in self._series.items()}
        self._background.submit(partial(self._write_journal, counts, note, began))

    def drain(self) -> None:
        """Wait until all that was handed over is on disk."""
        self._background.drain()

    def digests(self) -> dict[str, list[str]]:
        """Return the digests of the blocks of each array; after ``drain``, when all rows are there."""
        return {name: series.digests for name, series in self._series.items()}

    def restore(self, journal: Mapping[str, Any], checkpoints: tuple[int, ...]) -> int | None:
        """Continue after the last state that is on disk, with the steps up to it; None if there is none.

        Reads all blocks that the journal lists. Returns the step of that state.
        """
        if journal["metadata"] != self._metadata:
            return None
        rows = journal["rows"]
        valid = {name: series.valid_rows(**rows[name]) for name, series in self._series.items()}
        states, steps = min(valid[name] for name in STATE), min(valid[name] for name in STEP)
        kept = [step for step in checkpoints[:states] if step <= steps]
        if not kept:
            return None
        for name, series in self._series.items():
            series.restore(len(kept) if name in STATE else kept[-1], rows[name]["digests"])
        return kept[-1]

    def close(self) -> None:
        """Finish what was handed over and end the background thread; says nothing of failures."""
        self._background.close()

    def _write_journal(self, counts: Mapping[str, int], note: Mapping[str, Any], began: float) -> None:
        """Runs in the background after the blocks that ``counts`` speaks of."""
        rows = {
            name: {"count": counts[name], "digests": series.digests, "last": series.digest_so_far()}
            for name, series in self._series.items()
        }
        self._scratch.write_journal(
            {"identity": self._identity, "metadata": self._metadata, "rows": rows, "note": note}
        )
        now = time.monotonic()
        pause = min((now - began) / COMMIT_SHARE, 60 * self._flush_seconds)
        self._next_commit = now + max(self._flush_seconds, pause)
        self._committing = False
