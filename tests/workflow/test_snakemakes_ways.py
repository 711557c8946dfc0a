"""Snakemake's own options do what they say, with records beside the outputs."""

from __future__ import annotations

import os
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.workflow.conftest import STUDY, Tree, copy_tree


@pytest.mark.parametrize(
    ("options", "jobs"),
    [
        (["--forceall"], {"train_model": 2, "score_samples": 6, "save_study": 1}),
        (["--forcerun", "score_samples"], {"score_samples": 6, "write_report": 1}),
        (["--forcerun", "results/test/tables/noise.csv"], {"evaluate_noise": 1, "plot_noise": 1}),
        (["--forceall", "--until", "noise_labels"], {"noise_labels": 2, "split_data": 2}),
        (["--forceall", "--omit-from", "train_model"], {"noise_labels": 2}),
        (["--batch", "all=1/2"], {}),  # which is finished
    ],
)
def test_what_is_asked_for_is_planned(study: Tree, options: list[str], jobs: dict[str, int]) -> None:
    planned = study.planned(*options)
    assert jobs.items() <= planned.items()
    assert bool(jobs) == bool(planned)
    if "--until" in options or "--omit-from" in options:
        assert "train_model" not in planned


def test_touching_leaves_nothing_to_be_done_and_the_bytes_as_they_are(finished: Tree) -> None:
    before = finished.contents("tables", "figures", "runs")
    finished.run("--touch", "--cores", "1")
    assert finished.contents("tables", "figures", "runs") == before
    assert finished.planned() == {}


def test_touching_makes_nothing_stale_this_studys_own(finished: Tree) -> None:
    finished.edit(STUDY, lambda text: text.replace("rate: 0.2", "rate: 0.3"))
    finished.run("--touch", "--cores", "1")
    assert finished.planned()["noise_labels"] == 2


@pytest.mark.parametrize("option", [["--unlock"], ["--report", "report.html"], ["--summary"], ["--lint"]])
def test_looking_at_a_study_changes_nothing(finished: Tree, option: list[str]) -> None:
    before = finished.contents("tables", "runs")
    assert "Traceback" not in finished.run(*option)
    assert finished.contents("tables", "runs") == before
    assert finished.planned() == {}


# Answers as conda does, and makes an environment without packages: there are none to be had without a network.
CONDA = """#!/bin/sh
case "$*" in
  "info --json") echo '{"conda_prefix": "/nowhere", "platform": "linux-64"}' ;;
  "--version") echo "conda 25.3.0" ;;
  "config --get channel_priority --json") echo '{"get": {"channel_priority": "strict"}}' ;;
  "list --explicit "*) echo "@EXPLICIT" ;;
esac
"""


@pytest.fixture
def versioned(tmp_path: Path) -> Tree:
    """A copy of the workflow under version control, as Snakemake archives what git knows."""
    tree = copy_tree(tmp_path / "versioned")
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"],
    ):
        subprocess.run(["git", *command], cwd=tree.folder, check=True)
    return tree


def test_an_archive_without_conda_is_refused_in_one_message(versioned: Tree) -> None:
    said = versioned.run("--archive", "kept.tar.gz", fails=True)
    assert said.count("there is no conda here") == 1
    assert "Traceback" not in said
    assert not (versioned.folder / "kept.tar.gz").exists()


def test_an_archive_holds_what_a_study_is_planned_from(versioned: Tree, tmp_path: Path) -> None:
    conda = tmp_path / "bin" / "conda"
    conda.parent.mkdir()
    conda.write_text(CONDA)
    conda.chmod(conda.stat().st_mode | stat.S_IXUSR)
    path = f"{conda.parent}{os.pathsep}{os.environ['PATH']}"
    said = versioned.run("--archive", "kept.tar.gz", more={"PATH": path})
    assert "Traceback" not in said
    with tarfile.open(versioned.folder / "kept.tar.gz") as archive:
        # Before 3.11.4 Python asks for no filter.
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(tmp_path / "elsewhere", **safe)
    elsewhere = Tree(tmp_path / "elsewhere")
    assert elsewhere.planned() == versioned.planned() != {}
