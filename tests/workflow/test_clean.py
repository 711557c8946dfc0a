"""A new environment in a new folder, made from the lock as the container's recipe says, trains to the same bytes."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT, Tree

RECIPE = "Containerfile"
TABLES = (
    "results/test/tables/noise.csv",
    "results/test/tables/training.csv",
)  # of data, and of trained models


def steps() -> list[tuple[str, str]]:
    """The instructions of the container's recipe, with their arguments."""
    lines = (ROOT / RECIPE).read_text(encoding="utf-8").splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines if line and line[0] not in "# "]


def copied(source: str, folder: Path, target: str) -> None:
    if (ROOT / source).is_dir():
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / source, folder / target, ignore=ignored)
    else:
        shutil.copy2(ROOT / source, folder / source)


@pytest.mark.container
def test_the_containers_steps_in_a_clean_folder_repeat_trainings(tree: Tree, tmp_path: Path) -> None:
    place, programs = tmp_path / "study", tmp_path / "environment" / "bin"
    place.mkdir()
    subprocess.run([sys.executable, "-m", "venv", programs.parent], check=True)
    apart = ("PYTHONPATH", "INDEX", "VIRTUAL_ENV")
    environment = {key: value for key, value in os.environ.items() if key not in apart}
    environment |= {"PATH": f"{programs}:{environment['PATH']}", "OMP_NUM_THREADS": "1"}
    entry: list[str] = []
    for instruction, arguments in steps():
        match instruction:
            case "COPY":
                *sources, target = arguments.split()
                for source in sources:
                    copied(source, place, target)
            case "RUN":
                subprocess.run(["sh", "-c", arguments], cwd=place, env=environment, check=True)
            case "ENTRYPOINT":
                entry = re.findall(r'"([^"]+)"', arguments)
            case _:
                assert instruction in ("FROM", "ARG", "WORKDIR", "CMD")
    assert entry, shlex.join(entry)
    study_file = [*TABLES, "--cores", "2", "--configfile", "config/test.yaml"]
    done = subprocess.run(
        [*entry, *study_file],
        cwd=place,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    tree.run(*TABLES, "--cores", "2")
    for table in TABLES:
        assert (place / table).read_bytes() == (tree.folder / table).read_bytes()
