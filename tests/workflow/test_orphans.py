"""A run that is killed alone leaves its jobs: nothing begins beside them, and what they finish is taken over."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from hydra_steps.errors import StudyError
from hydra_steps.locks import check_free, hold
from tests.workflow.conftest import ENVIRONMENT, STUDY, Tree

TRAJECTORY = "results/test/runs/base-seed0/trajectory"


def children(process: int) -> list[int]:
    return [
        int(pid)
        for file in Path(f"/proc/{process}/task").glob("*/children")
        for pid in file.read_text().split()
    ]


def descendants(process: int) -> list[int]:
    return [one for child in children(process) for one in (child, *descendants(child))]


def test_an_orphan_keeps_others_out_and_its_training_is_taken_over(tree: Tree) -> None:
    tree.edit(STUDY, lambda text: text.replace("epochs: 2", "epochs: 60"))
    command = tree.command(TRAJECTORY, "--cores", "1")
    with subprocess.Popen(
        command, cwd=tree.folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=-1
    ) as run:
        while not list(tree.results.glob("runs/base-seed0/.scratch/*")):
            assert run.poll() is None
            time.sleep(0.01)
        jobs = descendants(run.pid)
        for job in jobs:
            os.kill(job, signal.SIGSTOP)
        run.kill()
    assert "is being written by a job of a run that was ended" in tree.run(
        TRAJECTORY, "--cores", "1", fails=True
    )
    for job in jobs:
        os.kill(job, signal.SIGCONT)
    while True:
        try:
            check_free(tree.results, jobs=True)
            break
        except StudyError:
            time.sleep(0.1)
    assert (tree.folder / TRAJECTORY / "manifest.json").is_file()
    published = (tree.folder / TRAJECTORY).stat().st_ino
    assert "train_model" not in tree.planned(TRAJECTORY)
    tree.run(TRAJECTORY, "--cores", "1")
    assert (tree.folder / TRAJECTORY).stat().st_ino == published


@pytest.mark.parametrize("option", ["--delete-all-output", "--delete-temp-output"])
def test_nothing_is_deleted_beside_a_run(finished: Tree, option: str) -> None:
    hold(finished.results)
    before = finished.contents("tables")
    assert "is being written by another run" in finished.run(option, "--cores", "1", fails=True)
    assert finished.contents("tables") == before
    assert finished.planned() == {}
