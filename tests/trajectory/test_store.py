"""The trajectory store: what is written is what is read, in every shape, and again after an interruption."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr

from hydra_steps.errors import StudyError
from hydra_steps.trajectory.keep import checkpoint_steps
from hydra_steps.trajectory.store import TrajectoryStore, TrajectoryWriter
from tests.helpers.contents import content

ATTRIBUTES = {"config": {"seed": 3, "rates": (0.1, 0.2)}, "data_digest": "d" * 64}


def sizes(steps=10, batch_size=4, parameters=7, slots=1, buffers=2, keep="all", dtype="float32", **more):
    checkpoints = checkpoint_steps(keep, steps, 100)
    return dict(
        steps=steps,
        batch_size=batch_size,
        parameters=parameters,
        slots=slots,
        buffers=buffers,
        dtype=dtype,
        checkpoints=checkpoints,
        **more,
    )


def state(step: int, size: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A state that depends on the step alone, as a deterministic training's does."""
    shapes = [(size["parameters"],), (size["slots"], size["parameters"]), (size["buffers"],)]
    rng = np.random.default_rng(step)
    return tuple(rng.standard_normal(shape).astype(size["dtype"]) for shape in shapes)  # type: ignore[return-value]


def run(writer: TrajectoryWriter, size: dict, last: int | None = None, resumed: bool = False) -> None:
    """Fake a training from where the writer is to the step ``last``."""
    epoch_steps = 5
    if not resumed:
        writer.checkpoint(0, *state(0, size))
    for step in range(writer.step + 1, (size["steps"] if last is None else last) + 1):
        batch = np.arange(size["batch_size"] - (step % epoch_steps == 0)) + step
        writer.record(step, batch=batch, learning_rate=0.1 / step, loss=1 / step, gradient_norm=2.0 * step)
        if step % epoch_steps == 0:
            writer.epoch(step // epoch_steps - 1, train_loss=1 / step, validation_accuracy=0.5)
        if step in size["checkpoints"]:
            writer.checkpoint(step, *state(step, size))


def write(folder: Path, size: dict, **more) -> str:
    with TrajectoryWriter.create(folder, attributes=ATTRIBUTES, **more, **size) as writer:
        run(writer, size)
        return writer.finish(device="cpu")


SHAPES = [
    sizes(),
    sizes(keep="sqrt"),
    sizes(keep={"every": 7}),
    sizes(steps=0),
    sizes(steps=1),
    sizes(slots=0),
    sizes(buffers=0),
    sizes(slots=2, dtype="float64"),
    sizes(steps=2100, batch_size=1, keep={"every": 3}),
    sizes(block_bytes=64),
    sizes(block_bytes=200),
    sizes(steps=9, block_bytes=250, slots=0, buffers=0),
]


@pytest.mark.parametrize("size", SHAPES)
def test_reads_back_what_was_written(tmp_path: Path, size: dict) -> None:
    digest = write(tmp_path / "t", size)
    store = TrajectoryStore.open(tmp_path / "t")
    store.verify()
    assert store.digest == digest
    assert store.steps == size["steps"]
    assert store.attributes["device"] == "cpu"
    assert store.attributes["config"]["rates"] == [0.1, 0.2]
    assert store.checkpoints.tolist() == size["checkpoints"]
    for step in (*size["checkpoints"], size["checkpoints"][0]):
        for found, expected in zip(store.state(step), state(step, size), strict=True):
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == expected.dtype
            assert found.flags.writeable
    assert store.batches.shape == (size["steps"], size["batch_size"])
    steps = np.arange(1, size["steps"] + 1)
    np.testing.assert_array_equal(store.learning_rates, 0.1 / steps)
    np.testing.assert_array_equal(store.losses, 1 / steps)
    np.testing.assert_array_equal(store.gradient_norms, 2.0 * steps)
    if size["steps"] >= 5:
        assert store.batches[4].tolist()[-1] == -1
        assert store.epochs["epoch"].tolist() == list(range(size["steps"] // 5))
        assert store.epochs["epoch_train_loss"][0] == 1 / 5


@pytest.mark.parametrize("size", SHAPES)
def test_ranges_of_states(tmp_path: Path, size: dict) -> None:
    write(tmp_path / "t", size)
    store = TrajectoryStore.open(tmp_path / "t")
    for first, last in [(0, size["steps"]), (3, 6), (6, 3), (4, 4)]:
        kept = [step for step in size["checkpoints"] if first <= step <= last]
        found = store.states(first, last)
        assert found.steps.tolist() == kept
        assert found.slots.shape == (len(kept), size["slots"], size["parameters"])
        for row, step in enumerate(kept):
            for rows, expected in zip(found[1:], state(step, size), strict=True):
                np.testing.assert_array_equal(rows[row], expected)


def test_a_step_that_was_not_kept_is_named(tmp_path: Path) -> None:
    write(tmp_path / "t", sizes(keep={"every": 4}))
    with pytest.raises(StudyError, match=r"step 5 is not stored.*\[4, 8\]"):
        TrajectoryStore.open(tmp_path / "t").state(5)


def test_the_content_is_the_same_every_time(tmp_path: Path) -> None:
    size = sizes(block_bytes=200)
    write(tmp_path / "a", size, flush_seconds=0.0)
    write(tmp_path / "b", size, flush_seconds=1.0)
    assert content(tmp_path / "a") == content(tmp_path / "b")


@pytest.mark.parametrize(
    "size", [sizes(), sizes(keep="sqrt", slots=0), sizes(block_bytes=200), sizes(buffers=0)]
)
@pytest.mark.parametrize("flush_seconds", [0.0, 60.0])
def test_a_resumed_store_is_the_uninterrupted_one(tmp_path: Path, size: dict, flush_seconds: float) -> None:
    write(tmp_path / "whole", size)
    for stop in range(size["steps"] + 1):
        folder = tmp_path / f"stopped-{stop}"
        with TrajectoryWriter.create(
            folder, attributes=ATTRIBUTES, flush_seconds=flush_seconds, **size
        ) as writer:
            run(writer, size, last=stop)
        with pytest.raises(StudyError, match="not finished"):
            TrajectoryStore.open(folder)
        resumed = TrajectoryWriter.resume(folder, attributes=ATTRIBUTES, **size)
        assert resumed is not None
        writer, step = resumed
        assert step == max(kept for kept in size["checkpoints"] if kept <= stop)
        assert len(writer.history()["loss"]) == step
        assert len(writer.epochs.get("epoch", [])) == step // 5
        for found, expected in zip(writer.state(step), state(step, size), strict=True):
            np.testing.assert_array_equal(found, expected)
        with writer:
            run(writer, size, resumed=True)
            writer.finish(device="cpu")
        assert content(folder) == content(tmp_path / "whole")


def test_a_finished_scratch_folder_is_finished_again(tmp_path: Path) -> None:
    size = sizes()
    write(tmp_path / "t", size)
    before = content(tmp_path / "t")
    resumed = TrajectoryWriter.resume(tmp_path / "t", attributes=ATTRIBUTES, **size)
    assert resumed is not None
    with resumed[0] as writer:
        assert writer.step == size["steps"]
        with pytest.raises(StudyError, match="not finished"):
            TrajectoryStore.open(tmp_path / "t")
        writer.finish(device="cpu")
    assert content(tmp_path / "t") == before


def test_another_training_is_not_resumed(tmp_path: Path) -> None:
    size = sizes()
    with TrajectoryWriter.create(tmp_path / "t", attributes=ATTRIBUTES, **size) as writer:
        run(writer, size, last=5)
    assert (
        TrajectoryWriter.resume(tmp_path / "t", attributes={**ATTRIBUTES, "data_digest": "e"}, **size) is None
    )
    assert TrajectoryWriter.resume(tmp_path / "t", attributes=ATTRIBUTES, **sizes(keep="sqrt")) is None
    assert TrajectoryWriter.resume(tmp_path / "new", attributes=ATTRIBUTES, **size) is None
    assert TrajectoryWriter.resume(tmp_path / "t", attributes=ATTRIBUTES, **size) is not None


@pytest.mark.parametrize("damage", ["flipped", "cut", "deleted"])
def test_a_damaged_scratch_folder_never_reaches_the_result(tmp_path: Path, damage: str) -> None:
    """Each file in turn is damaged in a training that was stopped: it goes on from before, or begins again."""
    size = sizes(steps=12, block_bytes=500)
    write(tmp_path / "whole", size)
    continued = []
    folder = tmp_path / "t"
    with TrajectoryWriter.create(folder, attributes=ATTRIBUTES, **size) as writer:
        run(writer, size, last=9)
    shutil.copytree(folder, tmp_path / "stopped")
    journal = (tmp_path / "t.journal.json").read_bytes()
    for file in [*content(folder), "../t.journal.json"]:
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "stopped", folder)
        (tmp_path / "t.journal.json").write_bytes(journal)
        data = bytearray((folder / file).read_bytes())
        data[len(data) // 2] ^= 1
        (folder / file).write_bytes(data if damage == "flipped" else data[: len(data) // 2])
        if damage == "deleted":
            (folder / file).unlink()
        resumed = TrajectoryWriter.resume(folder, attributes=ATTRIBUTES, **size)
        continued.append(resumed[1] if resumed else None)
        with (
            resumed[0]
            if resumed
            else TrajectoryWriter.create(folder, attributes=ATTRIBUTES, **size) as writer
        ):
            run(writer, size, resumed=resumed is not None)
            writer.finish(device="cpu")
        assert content(folder) == content(tmp_path / "whole"), file
    assert None in continued  # began again
    assert len(set(continued)) > 2  # went on from before the damage


def test_publish_moves_the_store_and_forgets_the_scratch(tmp_path: Path) -> None:
    size = sizes()
    with TrajectoryWriter.create(tmp_path / "scratch" / "t", attributes=ATTRIBUTES, **size) as writer:
        run(writer, size)
        writer.finish()
        writer.publish(tmp_path / "results" / "trajectory")
    assert list((tmp_path / "scratch").iterdir()) == []
    assert {path.name for path in (tmp_path / "results" / "trajectory").iterdir()} == {
        "store.zarr",
        "manifest.json",
        "timing.json",
    }
    TrajectoryStore.open(tmp_path / "results" / "trajectory").verify()


def test_publish_across_file_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    real = os.rename

    def rename(source, destination):
        if Path(source).parent != Path(destination).parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        real(source, destination)

    size = sizes()
    with TrajectoryWriter.create(tmp_path / "scratch" / "t", attributes=ATTRIBUTES, **size) as writer:
        run(writer, size)
        writer.finish()
        monkeypatch.setattr(os, "rename", rename)
        writer.publish(tmp_path / "results" / "trajectory")
    TrajectoryStore.open(tmp_path / "results" / "trajectory").verify()
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["trajectory"]
    assert list((tmp_path / "scratch").iterdir()) == []


def test_calls_out_of_order_are_refused(tmp_path: Path) -> None:
    size = sizes(keep={"every": 5})
    with TrajectoryWriter.create(tmp_path / "t", attributes=ATTRIBUTES, **size) as writer:
        with pytest.raises(ValueError, match="step 1 comes next"):
            writer.record(2, batch=np.arange(4), learning_rate=0.1, loss=1.0, gradient_norm=1.0)
        writer.checkpoint(0, *state(0, size))
        with pytest.raises(ValueError, match="not the next"):
            writer.checkpoint(0, *state(0, size))
        writer.record(1, batch=np.arange(4), learning_rate=0.1, loss=1.0, gradient_norm=1.0)
        with pytest.raises(ValueError, match="not the next"):
            writer.checkpoint(1, *state(1, size))
        with pytest.raises(ValueError, match="step 1 of 10"):
            writer.finish()
        run(writer, size, last=5, resumed=True)
        with pytest.raises(ValueError, match="before the state of step 5"):
            writer.epoch(1, train_loss=0.0, validation_accuracy=0.0)


def test_a_state_of_another_shape_is_refused(tmp_path: Path) -> None:
    size = sizes()
    with (
        TrajectoryWriter.create(tmp_path / "t", attributes=ATTRIBUTES, **size) as writer,
        pytest.raises(ValueError, match=r"parameters has shape \(7,\), not \(1,\)"),
    ):
        writer.checkpoint(0, np.zeros(1, "float32"), *state(0, size)[1:])


def test_it_is_a_plain_zarr_group_with_dimension_names(tmp_path: Path) -> None:
    write(tmp_path / "t", sizes())
    group = zarr.open_group(str(tmp_path / "t" / "store.zarr"), mode="r")
    dimensions = {name: array.metadata.dimension_names for name, array in group.arrays()}
    assert dimensions["slots"] == ("checkpoint", "slot", "parameter")
    assert dimensions["batch"] == ("step", "b")
    assert dimensions["epoch_train_loss"] == ("epoch",)
    assert list(group.attrs)[-1] == "complete"


def test_to_xarray(tmp_path: Path) -> None:
    size = sizes(keep={"every": 4}, slots=0)
    write(tmp_path / "t", size)
    data = TrajectoryStore.open(tmp_path / "t").to_xarray()
    np.testing.assert_array_equal(data.parameters.sel(checkpoint=8), state(8, size)[0])
    assert float(data.loss.sel(step=4)) == 0.25
    assert data.epoch_validation_accuracy.dims == ("epoch",)
    assert data.attrs["complete"] is True
