"""Real runs of the workflow on tiny studies, each in its own copy of the tree."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from hydra_steps.provenance.record import FOLDER
from tests.helpers.warm_snakemake import run_snakemake

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "config", "hydra_steps", "profiles", "workflow", "environment.yml", "pyproject.toml")
PARTS += ("snakemake_logger_plugin_steps",)
STUDY = "config/test.yaml"
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)  # a tree's hundreds of processes compile its modules once


class Tree:
    """A copy of the workflow, in which studies can be run and files changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results = folder / "results" / "test"

    def command(self, *arguments: str, study: str = STUDY) -> list[str]:
        """Return the command of a run; ``arguments`` come first, so that they can name targets."""
        return [sys.executable, "-m", "snakemake", *arguments, "--configfile", study]

    def run(
        self,
        *arguments: str,
        study: str = STUDY,
        fails: bool = False,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        """Run Snakemake, with ``more`` in its environment, and return all that it said.

        It is a fork of a process that has imported what it needs, and so are its jobs. A run by :meth:`command`, and
        its jobs, start as a user's do.
        """
        command = self.command(*arguments, study=study)[3:]
        code, said = run_snakemake(command, self.folder, ENVIRONMENT | dict(more))
        assert (code != 0) == fails, said[-5000:]
        return said

    def planned(self, *arguments: str, study: str = STUDY) -> dict[str, int]:
        """Return the number of jobs of each rule that a run would do (:func:`planned_jobs`)."""
        return planned_jobs(self.run("--dry-run", *arguments, study=study))

    def edit(self, file: str, change: Callable[[str], str]) -> None:
        """Change a file of the tree."""
        path = self.folder / file
        before = path.read_text(encoding="utf-8")
        after = change(before)
        assert after != before
        path.write_text(after, encoding="utf-8")

    def contents(self, *folders: str) -> dict[str, bytes]:
        """Return the bytes of all files in folders of the results, but for records."""
        files = [path for folder in folders for path in sorted((self.results / folder).rglob("*"))]
        return {
            str(p.relative_to(self.results)): p.read_bytes()
            for p in files
            if p.is_file() and FOLDER not in p.parts
        }


def planned_jobs(said: str) -> dict[str, int]:
    """Return the number of jobs of each rule by what a dry run said, each figure as ``plot_<figure>``."""
    if "Nothing to be done" in said:
        return {}
    table = said.split("Job stats:")[1].split("total")[0]
    found = {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", table, re.M) if rule != "all"}
    drawn = re.findall(r"Draw the figure (\w+)", said)
    assert found.pop("plot_figure", 0) == len(drawn)
    return found | {f"plot_{figure}": 1 for figure in drawn}


def copy_tree(folder: Path) -> Tree:
    """Copy the workflow, without results."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            # With what Python has compiled of it, but for what it writes at the moment.
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("*.pyc.*"))
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy2(source, folder / part)
    return Tree(folder)


@pytest.fixture
def finished(study: Tree, tmp_path: Path) -> Tree:
    """A copy of the finished study that may be changed."""
    shutil.copytree(study.folder, tmp_path / "finished", symlinks=True)
    return Tree(tmp_path / "finished")
