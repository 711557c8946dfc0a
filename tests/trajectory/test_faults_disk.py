"""A disk that fails, a folder that cannot be written, a second writer, a training that diverges: one message each.

After each of them the states before the fault are kept, and the training continues from them once the cause is gone.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hydra_steps.errors import StudyError
from hydra_steps.trajectory.store import TrajectoryStore
from hydra_steps.trajectory.writer import TrajectoryWriter
from tests.helpers.contents import content, wrongly_accepted
from tests.helpers.recorded import train
from tests.helpers.warm import Child, Helper, wait_for

RECORDED = "tests.helpers.recorded"


@pytest.fixture(scope="module")
def helper() -> Iterator[Helper]:
    helper = Helper(f"{RECORDED}:prepare")
    yield helper
    helper.close()


@pytest.fixture(scope="module")
def whole(helper: Helper, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The content of the store that every training here is to end with."""
    folder = tmp_path_factory.mktemp("whole")
    helper.run(f"{RECORDED}:train", folder / "messages", scratch=folder / "s", output=folder / "o")
    return content(folder / "o")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 512 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k,mode=0777", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here; the limit on file sizes is tested instead")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def the_message(child: Child, code: int) -> str:
    """Return the one message that a failed child ended with."""
    assert code == 1, child.stderr
    assert "Traceback" not in child.stderr, child.stderr
    messages = re.findall(r"error: (.*)$", child.stderr, flags=re.MULTILINE)
    assert len(messages) == 1, child.stderr
    return messages[0]


def test_a_disk_that_fills_up(helper: Helper, whole, small_disk: Path, tmp_path: Path) -> None:
    places = {"scratch": small_disk / "s", "output": small_disk / "o"}
    child = helper.start(
        f"{RECORDED}:train_while_the_disk_fills", tmp_path / "m", ballast=small_disk / "b", step=10, **places
    )
    message = the_message(child, child.wait())
    assert "No space left on device" in message
    assert "trajectory.keep" in message
    assert not (small_disk / "o").exists()
    assert not wrongly_accepted(small_disk / "s", whole)
    (small_disk / "b").unlink()
    child = helper.run(f"{RECORDED}:train", tmp_path / "m", **places)
    assert re.search(r"continuing from step \d+ of 24", child.stderr)
    assert content(small_disk / "o") == whole


@pytest.mark.parametrize("step", [0, 24])
def test_a_disk_that_fills_up_at_the_start_and_at_the_end(
    helper: Helper, whole, small_disk: Path, tmp_path: Path, step: int
) -> None:
    places = {"scratch": small_disk / "s", "output": small_disk / "o"}
    child = helper.start(
        f"{RECORDED}:train_while_the_disk_fills",
        tmp_path / "m",
        ballast=small_disk / "b",
        step=step,
        **places,
    )
    assert "No space left on device" in the_message(child, child.wait())
    assert not wrongly_accepted(small_disk / "s", whole)
    (small_disk / "b").unlink()
    helper.run(f"{RECORDED}:train", tmp_path / "m", **places)
    assert content(small_disk / "o") == whole


def test_a_disk_that_is_too_small_is_said_before_training(
    helper: Helper, small_disk: Path, tmp_path: Path
) -> None:
    child = helper.start(
        f"{RECORDED}:train", tmp_path / "m", scratch=small_disk / "s", output=small_disk / "o", epochs=400
    )
    message = the_message(child, child.wait())
    assert re.search(r"the trajectory takes 1\.\d+ MB, and the disk of .* has [\d.]+ KB free", message)
    assert "step/s" not in child.stderr


def test_a_limit_on_file_sizes(helper: Helper, whole, tmp_path: Path) -> None:
    places = {"scratch": tmp_path / "s", "output": tmp_path / "o"}
    child = helper.start(f"{RECORDED}:train_with_small_files", tmp_path / "m", limit=1000, **places)
    message = the_message(child, child.wait())
    assert "File too large" in message
    assert "ulimit -f" in message
    assert not wrongly_accepted(tmp_path / "s", whole)
    helper.run(f"{RECORDED}:train", tmp_path / "m", **places)
    assert content(tmp_path / "o") == whole


def test_a_limit_that_is_met_at_the_journal(helper: Helper, whole, tmp_path: Path) -> None:
    """The journal grows with the training: it is the last of the files to reach the limit."""
    places = {"scratch": tmp_path / "s", "output": tmp_path / "o"}
    child = helper.start(f"{RECORDED}:train_with_small_files", tmp_path / "m", limit=3300, **places)
    assert "File too large" in the_message(child, child.wait())
    assert not wrongly_accepted(tmp_path / "s", whole)
    helper.run(f"{RECORDED}:train", tmp_path / "m", **places)
    assert content(tmp_path / "o") == whole


def test_a_folder_that_may_not_be_written(helper: Helper, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        child = helper.start(
            f"{RECORDED}:train_as_nobody", tmp_path / "m", scratch=folder / "s", output=folder / "o"
        )
        message = the_message(child, child.wait())
        assert "Permission denied" in message
        assert "results folder" in message
        assert list(folder.iterdir()) == []
        folder.chmod(0o755)


def test_a_disk_that_is_read_only(helper: Helper, whole, small_disk: Path, tmp_path: Path) -> None:
    places = {"scratch": small_disk / "s", "output": small_disk / "o"}
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    child = helper.start(f"{RECORDED}:train", tmp_path / "m", **places)
    assert "Read-only file system" in the_message(child, child.wait())
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    helper.run(f"{RECORDED}:train", tmp_path / "m", **places)
    assert content(small_disk / "o") == whole


def test_results_that_may_not_be_written(helper: Helper, whole, tmp_path: Path) -> None:
    """The scratch folder is writable and the results folder is not: the finished training is not lost."""
    with tempfile.TemporaryDirectory() as name:
        scratch, results = Path(name, "scratch"), Path(name, "results")
        scratch.mkdir()
        results.mkdir()
        Path(name).chmod(0o755)
        scratch.chmod(0o777)
        results.chmod(0o555)
        places = {"scratch": scratch / "s", "output": results / "o"}
        child = helper.start(f"{RECORDED}:train_as_nobody", tmp_path / "m", **places)
        message = the_message(child, child.wait())
        assert "moving the finished trajectory" in message
        assert "Permission denied" in message
        results.chmod(0o777)
        child = helper.run(f"{RECORDED}:train_as_nobody", tmp_path / "m", **places)
        assert "continuing from step 24" in child.stderr
        assert content(results / "o") == whole


def test_results_that_are_there_already(tmp_path: Path, whole) -> None:
    train(str(tmp_path / "s"), str(tmp_path / "o"))
    before = content(tmp_path / "o")
    with pytest.raises(StudyError, match=r"o already holds something.*delete it first"):
        train(str(tmp_path / "s"), str(tmp_path / "o"), learning_rate=0.2)
    assert content(tmp_path / "o") == before


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "thesis.tex").write_text("years of work")
    with pytest.raises(StudyError, match=r"s holds 'thesis\.tex'"):
        train(str(tmp_path / "s"), str(tmp_path / "o"))
    assert (tmp_path / "s" / "thesis.tex").read_text() == "years of work"


def test_two_writers(helper: Helper, whole, tmp_path: Path) -> None:
    scratch, output = tmp_path / "s", tmp_path / "o"
    first = helper.start(f"{RECORDED}:hold", tmp_path / "m", scratch=scratch)
    wait_for((tmp_path / "held").exists)
    with pytest.raises(StudyError, match=r"another process is writing .*s; .*wait until it ends"):
        train(str(scratch), str(output))
    first.kill()
    assert first.wait() == -9
    child = helper.run(f"{RECORDED}:train", tmp_path / "m", scratch=scratch, output=output)
    assert "continuing from step" in child.stderr
    assert content(output) == whole


def test_two_writers_in_one_process(tmp_path: Path) -> None:
    sizes = {"steps": 1, "batch_size": 1, "parameters": 1, "slots": 0, "buffers": 0, "dtype": "float32"}
    with (
        TrajectoryWriter.create(tmp_path / "s", attributes={}, checkpoints=[0, 1], **sizes),
        pytest.raises(StudyError, match="another process is writing"),
    ):
        TrajectoryWriter.resume(tmp_path / "s", attributes={}, checkpoints=[0, 1], **sizes)


@pytest.mark.parametrize("keep", ["all", {"every": 3}])
def test_a_training_that_diverges(tmp_path: Path, keep) -> None:
    places = (str(tmp_path / "s"), str(tmp_path / "o"))
    steps = set()
    for _ in range(2):  # the second time it continues, and stops at the same step
        with pytest.raises(
            StudyError, match=r"at step \d+.*states before it are kept.*learning_rate"
        ) as caught:
            train(*places, keep=keep, epochs=60, learning_rate=1e30)
        steps.add(int(re.search(r"at step (\d+)", str(caught.value))[1]))  # type: ignore[index]
        with pytest.raises(StudyError, match="not finished"):
            TrajectoryStore.open(tmp_path / "s")
    assert len(steps) == 1
    assert not (tmp_path / "o").exists()
    journal = (tmp_path / "s.journal.json").read_text()
    kept = int(re.search(r'"parameters": {"count": (\d+)', journal)[1])  # type: ignore[index]
    assert kept == steps.pop() if keep == "all" else kept >= 1


def test_no_process_is_left_waiting_after_a_fault(helper: Helper, tmp_path: Path) -> None:
    """A training that ends with an error ends at once: its background writer does not keep it."""
    child = helper.start(
        f"{RECORDED}:train_with_small_files",
        tmp_path / "m",
        scratch=tmp_path / "s",
        output=tmp_path / "o",
        limit=10,
    )
    assert child.wait() in (1, 120)  # Python's own for a message that could not be written to its end
    with contextlib.suppress(ProcessLookupError):
        os.kill(child.pid, 0)
        raise AssertionError("still there")
