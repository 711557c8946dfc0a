"""An end from the keyboard is one line wherever it comes: in a command, in Snakemake, in a job that still imports."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from hydra_steps.interrupted import MESSAGE
from tests.workflow.conftest import ENVIRONMENT, ROOT, STUDY, copy_tree

LINE = f"error: {MESSAGE}"

#: A second job might be in the first moments of Python itself, before any line of ours, when the signal comes.
ONE_JOB = ("--cores", "1")


def started(command: list[str], folder: Path, **more: str) -> subprocess.Popen[str]:
    """Start a command as a terminal does, whose Ctrl-C reaches all of its group, also where the tests themselves were
    started in a background that ignores it."""
    return subprocess.Popen(
        command,
        cwd=folder,
        env=ENVIRONMENT | {"PYTHONPATH": str(ROOT)} | more,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.parametrize(
    "module",
    [
        "hydra_steps",
        "hydra_steps.config",
        "hydra_steps.estimate",
        "hydra_steps.estimate.requests",
        "hydra_steps.evaluation.comparison",
        "hydra_steps.data.describe",
        "hydra_steps.audit",
        "hydra_steps.crate",
        "tools.fuzz",
        "tools.reference",
        "tools.layers",
    ],
)
def test_a_command_that_still_imports_ends_in_one_line(module: str) -> None:
    process = started([sys.executable, "-X", "importtime", "-m", module, "--help"], ROOT)
    assert process.stdout is not None
    said = []
    for line in process.stdout:  # a line for each module, when it has been imported
        said.append(line)
        if line.split("|")[-1].strip() == "hydra_steps":
            process.send_signal(signal.SIGINT)
    assert process.wait() == -signal.SIGINT
    others = [line.rstrip() for line in said if not line.startswith("import time:")]
    assert others == [LINE]


def of_session(session: int) -> dict[int, str]:
    """Return the command lines of the processes of a session, by their number."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == session:
                found[int(folder.name)] = (folder / "cmdline").read_text(errors="replace")
        except OSError:  # it has ended meanwhile
            continue
    return found


def loaded(process: int, library: str) -> bool:
    try:
        return library in (Path("/proc") / str(process) / "maps").read_text()
    except OSError:
        return False


def importing(session: int) -> bool:
    """Whether a job has begun to import what Snakemake puts before each script, and has not come to its own."""
    return any(
        "/.snakemake/scripts/" in line and "bash" not in line and loaded(process, "/_asyncio.")
        for process, line in of_session(session).items()
    )


def planning(session: int) -> bool:
    """Whether Snakemake still imports what it needs itself."""
    return any(
        "snakemake" in line and loaded(process, "/_asyncio.") for process, line in of_session(session).items()
    )


@pytest.mark.parametrize("when", [importing, planning])
def test_a_run_ends_in_one_line(tmp_path: Path, when: Callable[[int], bool]) -> None:
    tree = copy_tree(tmp_path / "tree")
    command = [sys.executable, "-m", "hydra_steps", STUDY, *ONE_JOB]
    process = started(command, tree.folder, PYTHONPATH=str(tree.folder))
    while process.poll() is None and not when(process.pid):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate()
    assert process.returncode in (1, 130), said
    errors = [
        line for line in said.splitlines() if not re.match(r"(jobs: |Using workflow specific profile)", line)
    ]
    assert [line for line in errors if line] == [LINE]


def test_a_run_under_snakemakes_own_logger_shows_no_stack(tmp_path: Path) -> None:
    tree = copy_tree(tmp_path / "tree")
    process = started(tree.command(*ONE_JOB), tree.folder, PYTHONPATH=str(tree.folder))
    while process.poll() is None and not importing(process.pid):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate()
    assert process.returncode == 1
    assert LINE in said
    assert "Traceback" not in said
    assert "KeyboardInterrupt" not in said
