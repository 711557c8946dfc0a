"""What a job says: finished lines at once, a bar now and then, one message where it fails."""

from __future__ import annotations

import logging
import os
import pty
import subprocess
import sys
import termios
import time
import warnings
from pathlib import Path

import pytest

from hydra_steps import progress
from hydra_steps.errors import StudyError
from hydra_steps.jobs import job
from hydra_steps.progress import Progress


def test_a_long_bar_leaves_news_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "NEWS_SECONDS", 0.2)
    log, meanwhile = tmp_path / "log", ""
    with job(log):
        for step in Progress(range(10), desc="sweep", unit="step", mininterval=0):
            time.sleep(0.1)
            if step == 8:
                meanwhile = log.read_text()
    news = meanwhile.splitlines()
    assert 2 <= len(news) <= 4
    assert all(line.startswith("sweep: ") and "step/s" in line for line in news)
    assert log.read_text().splitlines()[-1].startswith("sweep: 100%")
    assert capsys.readouterr().err.count("\n") == 1  # where nobody looks, only how it ended


def test_a_short_bar_leaves_its_last_state_alone(tmp_path: Path) -> None:
    with job(tmp_path / "log"):
        for _ in Progress(range(5), desc="lissa", mininterval=0):
            pass
        logging.getLogger("hydra_steps.scoring").info("done")
    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("lissa: 100%")
    assert lines[1] == "done"


def test_a_mistake_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended, job(tmp_path / "log"):
        raise StudyError("the labels are of another run", "labels.csv of this one", "run the study again")
    assert ended.value.code == 1
    said = (tmp_path / "log").read_text()
    assert said.startswith("error: the labels are of another run")
    assert "Traceback" not in said
    assert said.count("\n") == 1


def test_what_is_no_message_leaves_where_it_happened(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended, job(tmp_path / "log"):
        [][0]
    assert ended.value.code == 1
    said = (tmp_path / "log").read_text()
    assert said.startswith("error: IndexError")
    assert "test_jobs.py" in said


def test_warnings_are_in_the_log_and_others_news_is_not(tmp_path: Path) -> None:
    with job(tmp_path / "log"):
        warnings.warn("the matrix is singular", stacklevel=1)
        logging.getLogger("another_library").info("it has loaded a file")
        logging.getLogger("another_library").warning("its file is old")
    said = (tmp_path / "log").read_text()
    assert "the matrix is singular" in said
    assert "its file is old" in said
    assert "loaded" not in said


def test_after_a_job_nothing_is_said_to_its_log(tmp_path: Path) -> None:
    with job(tmp_path / "log"):
        pass
    logging.getLogger("hydra_steps.scoring").warning("later")
    assert (tmp_path / "log").read_text() == ""


def test_a_terminal_sees_the_bar_redrawn_and_the_log_its_end(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    code = f"""if True:
        import logging
        from hydra_steps.jobs import job
        from hydra_steps.progress import Progress
        with job({str(tmp_path / "log")!r}), Progress(total=3, desc="sweep", mininterval=0) as bar:
            for _ in range(3):
                bar.update()
            logging.getLogger("hydra_steps").info("half done")
    """
    subprocess.run([sys.executable, "-c", code], check=True, stderr=theirs)
    os.close(theirs)
    seen = os.read(ours, 10**5).decode()
    os.close(ours)
    assert seen.count("\rsweep: ") >= 4
    assert "half done" in seen
    assert seen.count("\n") == 2
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[0] == "half done"
    assert lines[1].startswith("sweep: 100%")
    assert len(lines) == 2


LIMITED = """
import resource, signal, sys
import numpy as np, pandas as pd
from hydra_steps.jobs import job
from hydra_steps.scoring.store import write_scores
from hydra_steps.csv_files import write_rows
from hydra_steps.tables.writing import write_csv
from tests.helpers.queries import queries_named
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
folder, what = sys.argv[1:]
big = np.arange(40_000.0)
with job(f"{folder}/log"):
    if what == "scores":
        write_scores(f"{folder}/scores", big[None], queries_named(["q"]), {"method": "m", "unit": "query"})
    elif what == "table":
        write_csv(pd.DataFrame({"x": big}), f"{folder}/table.csv")
    elif what == "rows":
        write_rows(f"{folder}/rows.csv", ["x"], [[x] for x in big])
    else:
        import logging
        for _ in range(1000):
            logging.getLogger("hydra_steps").info("a line of a log that is full sooner than its job is done")
        print("done")
"""


def limited(folder: Path, what: str) -> subprocess.CompletedProcess[str]:
    """Run a job where no file may grow beyond 20 kB, as on a disk that is full."""
    return subprocess.run([sys.executable, "-c", LIMITED, str(folder), what], capture_output=True, text=True)


@pytest.mark.parametrize("what", ["scores", "table", "rows"])
def test_what_the_machine_refuses_is_a_sentence(tmp_path: Path, what: str) -> None:
    done = limited(tmp_path, what)
    assert done.returncode == 1
    said = (tmp_path / "log").read_text()
    assert said.count("\n") == 1
    assert said.startswith("error: reading or writing ")
    assert "File too large; what to do: raise the limit on file sizes" in said
    assert done.stderr == said


def test_a_log_that_is_full_does_not_end_its_job(tmp_path: Path) -> None:
    done = limited(tmp_path, "log")
    assert done.returncode == 0
    assert done.stdout == "done\n"
    assert "Traceback" not in done.stderr
    assert "Logging error" not in done.stderr


@pytest.mark.parametrize(
    ("error", "words", "code"),
    [
        (KeyboardInterrupt(), "error: ended from the keyboard", 130),
        (
            MemoryError("Unable to allocate 7 TiB"),
            "error: too little memory for this job (Unable to allocate",
            1,
        ),
        (
            PermissionError(13, "Permission denied", "results/a"),
            "writing results/a failed: Permission denied",
            1,
        ),
    ],
)
def test_failures_of_the_machine(tmp_path: Path, error: BaseException, words: str, code: int) -> None:
    with pytest.raises(SystemExit) as ended, job(tmp_path / "log"):
        raise error
    assert ended.value.code == code
    said = (tmp_path / "log").read_text()
    assert words in said
    assert said.count("\n") == 1


def test_a_log_that_cannot_be_written_leaves_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    with job(tmp_path / "file" / "log"):
        logging.getLogger("hydra_steps").info("said")
    assert capsys.readouterr().err == "said\n"
