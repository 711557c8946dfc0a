"""Writing a trajectory: every step's record and the kept states, in blocks, off the training thread,
resumable.

    store.zarr/   parameters [checkpoint, parameter], slots [checkpoint, slot, parameter],
                  buffers [checkpoint, buffer], checkpoint_step [checkpoint]: the kept states
                  batch [step, b] (int32, -1 where a batch is short)
                  learning_rate, loss, gradient_norm [step] (float64; row t-1 is step t)
                  epoch [epoch] (int64), epoch_<metric> [epoch] (float64)
    manifest.json   digests (see `manifest`)           timing.json   seconds, which are no part of the content

Order of writing: blocks, then the journal that says they are there, ..., manifest.json, and last of all the
attribute ``complete: true``. A process killed anywhere leaves a scratch folder that `resume` continues from
the last state whose blocks and journal are on disk, and the finished store has the same bytes as an
uninterrupted one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import zarr

from hydra_steps.errors import StudyError
from hydra_steps.json_files import sealed
from hydra_steps.trajectory import arrays, manifest
from hydra_steps.trajectory.arrays import STATE, STEP, Shape, StoredState
from hydra_steps.trajectory.manifest import MANIFEST, SCHEMA_VERSION, STORE, TIMING, storage_error
from hydra_steps.trajectory.recorder import Recorder
from hydra_steps.trajectory.scratch import Scratch


class TrajectoryWriter:
    """Writes one trajectory into a scratch folder: for each step ``record``, then ``epoch`` if one ends with
    it, then ``checkpoint`` if its state is kept (state 0 first); ``finish`` and ``publish`` at the end.

    A context manager: leaving it, also by an exception, makes safe what was recorded and gives the folder
    back. Any call may raise :class:`StudyError` for a failure of the disk, also for one that came earlier.
    Memory: at most two blocks of states, 2 × 4 MB, or two states where one is larger.
    """

    def __init__(
        self, scratch: Scratch, shape: Shape, attributes: dict[str, Any], flush_seconds: float | None
    ) -> None:
        self.folder, self.shape, self.attributes = scratch.folder, shape, attributes
        self.step = 0  # the last step recorded
        self.epochs: dict[str, list[float]] = {}  # "epoch" and each metric -> one value per epoch
        self._epoch_ends: list[int] = []  # the last step of each epoch
        self._batch = np.empty(shape.batch_size, dtype="int32")  # the row at work
        self._scratch = scratch
        self._group = zarr.open_group(str(scratch.folder / STORE), mode="r+")
        self._recorder = Recorder(scratch, self._group, _identity(shape, attributes), flush_seconds)
        self._began, self._seconds_before = time.perf_counter(), 0.0
        self._finished = self._closed = False

    @classmethod
    def create(
        cls, folder: Path, *, attributes: Mapping[str, Any], flush_seconds: float | None = None, **sizes: Any
    ) -> TrajectoryWriter:
        """Start a new store in ``folder``, which is emptied first.

        ``sizes`` are the fields of :class:`arrays.Shape`: steps, batch_size, parameters, slots, buffers,
        dtype, checkpoints. ``attributes`` (JSON) describe what is trained; with the sizes they are the
        identity that `resume` compares. ``flush_seconds``: the least time between two states to which a
        killed training can return. :class:`StudyError` if another process writes the folder, or if the store
        would not fit the disk.
        """
        shape, initial = Shape(**sizes), _initial(attributes)
        scratch = Scratch(folder)
        try:
            scratch.clear()
            scratch.require_space(shape.bytes)
            group = zarr.create_group(store=str(scratch.folder / STORE), zarr_format=3, attributes=initial)
            arrays.create_arrays(group, shape)
            return cls(scratch, shape, initial, flush_seconds)
        except OSError as error:
            scratch.release()
            raise storage_error(error, scratch.folder, "creating") from error
        except BaseException:
            scratch.release()
            raise

    @classmethod
    def resume(
        cls, folder: Path, *, attributes: Mapping[str, Any], flush_seconds: float | None = None, **sizes: Any
    ) -> tuple[TrajectoryWriter, int] | None:
        """Continue the store that ``create`` began with the same arguments; None if there is nothing to
        continue.

        Returns the writer and the step of the last state that is on disk: ``state(step)`` gives that state,
        ``history()`` what was recorded up to it, ``epochs`` the epochs that had ended. Later steps are run
        again; after the last step only ``finish`` is left. What is on disk is first checked against the
        journal's digests (about 1 GB/s), and a damaged block ends what is valid.
        """
        shape, initial = Shape(**sizes), _initial(attributes)
        scratch, writer = Scratch(folder), None
        try:
            journal = scratch.read_journal() or {}
            if journal.get("identity") == _identity(shape, initial) and (scratch.folder / STORE).is_dir():
                scratch.sweep()
                writer = cls(scratch, shape, initial, flush_seconds)
                writer = writer if writer._restore(journal) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            writer = None  # a damaged scratch folder is a training to begin again
        finally:
            if writer is None:
                scratch.release()
        return None if writer is None else (writer, writer.step)

    def record(
        self, step: int, *, batch: np.ndarray, learning_rate: float, loss: float, gradient_norm: float
    ) -> None:
        """Record step ``step`` = 1..T: the sample indices of its batch [b], its rate, mean loss and gradient
        norm.

        A loss or norm that is not finite is a :class:`StudyError` that names the step; earlier states are
        kept.
        """
        if step != self.step + 1:
            raise ValueError(f"step {self.step + 1} comes next, not {step}")
        if not (math.isfinite(loss) and math.isfinite(gradient_norm)):
            raise _diverged(f"the loss is {loss} and the gradient norm {gradient_norm} at step {step}")
        self._batch[: len(batch)] = batch
        self._batch[len(batch) :] = arrays.PADDING
        self._recorder.append(
            {
                "batch": self._batch,
                "learning_rate": learning_rate,
                "loss": loss,
                "gradient_norm": gradient_norm,
            }
        )
        self.step = step

    def epoch(self, epoch: int, **metrics: float) -> None:
        """Record the metrics of an epoch that ends with the step recorded last; before that step's
        ``checkpoint``.
        """
        row = {"epoch": epoch, **{f"epoch_{name}": float(value) for name, value in metrics.items()}}
        if self.epochs and (list(self.epochs) != list(row) or epoch != self.epochs["epoch"][-1] + 1):
            raise ValueError(f"epoch {epoch} with {list(metrics)} does not follow the epochs before it")
        states = self._recorder.states
        if states and self.shape.checkpoints[states - 1] == self.step:
            raise ValueError(f"epoch {epoch} is to be recorded before the state of step {self.step}")
        for name, value in row.items():
            self.epochs.setdefault(name, []).append(value)
        self._epoch_ends.append(self.step)

    def checkpoint(self, step: int, parameters: np.ndarray, slots: np.ndarray, buffers: np.ndarray) -> None:
        """Store the state after ``step``: parameters [p], slots [k, p], buffers [r]. Copies; returns at once."""
        states = self._recorder.states
        if (
            step != self.step
            or states >= len(self.shape.checkpoints)
            or self.shape.checkpoints[states] != step
        ):
            raise ValueError(f"the state of step {step} is not the next to be stored")
        if step == self.shape.steps and not all(np.isfinite(a).all() for a in (parameters, slots, buffers)):
            raise _diverged(f"the state after the last step, {step}, is not finite")
        self._recorder.append({"parameters": parameters, "slots": slots, "buffers": buffers})
        self._recorder.commit_if_due(self._note())

    def state(self, step: int) -> StoredState:
        """Return a stored state that is on disk: after `resume`, the one to continue from."""
        row = self.shape.checkpoints.index(step)
        return StoredState(*(self._recorder.read(name, row) for name in STATE))

    def history(self) -> dict[str, np.ndarray]:
        """Return batch [t, b], learning_rate, loss and gradient_norm [t] up to the step recorded last (after
        `resume`).
        """
        return {name: self._recorder.read(name, slice(0, self.step)) for name in STEP}

    def finish(self, timing: Mapping[str, float] | None = None, **more_attributes: Any) -> str:
        """Make the store whole and return the digest that names its content.

        Writes what is left, the epochs, ``timing.json`` (``timing`` and the writer's own seconds),
        ``manifest.json``, and at last the attributes with ``complete: true``.
        """
        if self.step != self.shape.steps or self._recorder.states != len(self.shape.checkpoints):
            raise ValueError(
                f"the training is at step {self.step} of {self.shape.steps}, or its last state is missing"
            )
        self._recorder.commit(self._note())
        self._recorder.drain()
        seconds = {
            "seconds": self._seconds(),
            "seconds_waiting_for_disk": self._recorder.seconds_waited,
        }
        try:
            blocks = self._recorder.digests()
            for name, values in self._late_arrays().items():
                blocks[name] = arrays.write_whole(self._group, name, values)
            final = {
                name: {"metadata": arrays.metadata_digest(self.folder, name), "blocks": digests}
                for name, digests in blocks.items()
            }
            attributes = {**self.attributes, **manifest.plain(more_attributes), "complete": True}
            content = manifest.build_manifest(attributes, final)
            manifest.write_json(self.folder / TIMING, sealed({**seconds, **(timing or {})}))
            manifest.write_json(self.folder / MANIFEST, content)
            self._group.attrs.put(attributes)
        except OSError as error:
            raise storage_error(error, self.folder, "finishing") from error
        self._finished = True
        return str(content["digest"])

    def publish(self, destination: Path) -> None:
        """Move the finished store to ``destination``, where it appears whole, and end the scratch folder."""
        if not self._finished:
            raise ValueError("a trajectory is published after finish()")
        self._end()
        try:
            self._scratch.publish(destination)
        finally:
            self._scratch.release()

    def close(self) -> None:
        """Make safe what was recorded, and give the folder back for a later `resume`. Harmless to repeat."""
        if self._closed:
            return
        try:
            self._recorder.commit(self._note())
            self._recorder.drain()
        finally:
            self._end()
            self._scratch.release()

    def __enter__(self) -> TrajectoryWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except StudyError:
            if error is None:  # otherwise the exception under way tells more
                raise

    def _note(self) -> dict[str, Any]:
        """What the journal says beside the rows: the epochs that have ended, and the seconds spent."""
        epochs = {name: list(values) for name, values in self.epochs.items()}
        return {"epochs": epochs, "epoch_ends": list(self._epoch_ends), "seconds": self._seconds()}

    def _restore(self, journal: dict[str, Any]) -> bool:
        """Take the position of the last state that is on disk; False if there is none."""
        step = self._recorder.restore(journal, tuple(self.shape.checkpoints))
        if step is None:
            self._recorder.close()
            return False
        note, self.step = journal["note"], step
        self._epoch_ends = [end for end in note["epoch_ends"] if end <= step]
        ended = len(self._epoch_ends)
        self.epochs = {name: values[:ended] for name, values in note["epochs"].items() if ended}
        self._seconds_before = note["seconds"]
        self._group.attrs.put(self.attributes)  # takes `complete` back from a store that was finished
        return True

    def _late_arrays(self) -> dict[str, np.ndarray]:
        kept = np.asarray(self.shape.checkpoints, dtype="int64")
        epochs = {
            name: np.asarray(values, dtype="int64" if name == "epoch" else "float64")
            for name, values in self.epochs.items()
        }
        return {"checkpoint_step": kept, **epochs}

    def _seconds(self) -> float:
        return self._seconds_before + time.perf_counter() - self._began

    def _end(self) -> None:
        if not self._closed:
            self._closed = True
            self._recorder.close()


def _initial(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, **manifest.plain(attributes)}


def _identity(shape: Shape, attributes: Mapping[str, Any]) -> str:
    return manifest.digest_json({"shape": shape.as_json(), "attributes": attributes})


def _diverged(what: str) -> StudyError:
    return StudyError(
        what,
        "finite numbers; the states before it are kept",
        "lower training.optimizer.learning_rate, or look at the data and the loss",
    )
