"""One run writes a study at a time, and its jobs are part of it as long as they live."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hydra_steps.errors import StudyError
from hydra_steps.locks import RUN, check_free, hold, join

# A run that starts a job and is killed; the job says that it lives, and goes on until its input ends. It keeps the
# run's output open until then.
JOB = "import sys; from hydra_steps.locks import join; join(sys.argv[1]); print('lives', flush=True); sys.stdin.read()"
RUN_AND_DIE = f"""
import os, signal, subprocess, sys
from hydra_steps.locks import hold
hold(sys.argv[1])
job = subprocess.Popen([sys.executable, "-c", {JOB!r}, sys.argv[1]], stdout=subprocess.PIPE, stderr=1)
job.stdout.readline()
print("jobs live", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def run_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUN, "")


@pytest.fixture
def orphan(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A job whose run was killed alone; it ends when its standard input does."""
    command = [sys.executable, "-c", RUN_AND_DIE, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"jobs live\n"
        run.wait()
        yield run


def test_no_run_begins_while_a_job_of_a_killed_one_lives(
    tmp_path: Path, orphan: subprocess.Popen[bytes]
) -> None:
    check_free(tmp_path)  # it is no run's any more
    with pytest.raises(StudyError, match="a job of a run that was ended"):
        check_free(tmp_path, jobs=True)
    with pytest.raises(StudyError, match="a job of a run that was ended"):
        hold(tmp_path)
    assert orphan.stdin is not None
    orphan.stdin.close()
    assert orphan.stdout is not None
    assert orphan.stdout.read() == b""  # closed by the job's end
    hold(tmp_path)


def test_what_ends_left_over_jobs_is_called_before_they_are_looked_for(
    tmp_path: Path, orphan: subprocess.Popen[bytes]
) -> None:
    def take_over(folder: str) -> bool:
        assert folder == str(tmp_path)
        assert orphan.stdin is not None
        assert orphan.stdout is not None
        orphan.stdin.close()
        orphan.stdout.read()
        return False

    hold(tmp_path, take_over)


def test_a_job_that_was_ended_is_given_time_to_die(tmp_path: Path, orphan: subprocess.Popen[bytes]) -> None:
    def take_over(folder: str) -> bool:
        assert orphan.stdin is not None
        threading.Timer(1.0, orphan.stdin.close).start()  # it lives on for a second
        return True

    hold(tmp_path, take_over)
    assert orphan.stdout is not None
    assert orphan.stdout.read() == b""


def test_a_job_that_starts_when_another_run_has_begun_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(tmp_path)
    join(tmp_path)
    monkeypatch.setenv(RUN, f"another {tmp_path.resolve()}")
    with pytest.raises(StudyError, match="claimed by another run since"):
        join(tmp_path)


def test_jobs_of_one_run_work_side_by_side(tmp_path: Path) -> None:
    hold(tmp_path)
    command = [sys.executable, "-c", JOB, str(tmp_path)]
    for _ in range(2):
        join(tmp_path)
        assert subprocess.run(command, stdin=subprocess.DEVNULL, env=dict(os.environ)).returncode == 0


def test_a_folder_that_nobody_claimed_is_free_and_stays_as_it_is(tmp_path: Path) -> None:
    check_free(tmp_path, jobs=True)
    assert not list(tmp_path.iterdir())
    hold(tmp_path)
    with pytest.raises(StudyError, match="another run of the study"):
        check_free(tmp_path)
