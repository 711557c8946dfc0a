"""A machine that has Snakemake and nothing else plans a study, and writes of it what needs no job."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT, STUDY, Tree

pytestmark = pytest.mark.environment
TABLE = "results/test/tables/noise.csv"  # made by a few short jobs


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment with Snakemake alone, in the version that this package asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (snakemake,) = [asked for asked in project["dependencies"] if re.match(r"snakemake\b(?!-)", asked)]
    folder = tmp_path_factory.mktemp("alone") / "environment"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin/python", "-m", "pip", "install", "--quiet", snakemake], check=True)
    return folder / "bin"


def run(alone: Path, tree: Tree, *arguments: str) -> str:
    """Run Snakemake in its own environment, and return its standard output."""
    done = subprocess.run(
        [alone / "python", "-m", "snakemake", *arguments, "--configfile", STUDY],
        cwd=tree.folder,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return done.stdout


def test_the_environment_has_no_library_of_the_jobs(alone: Path) -> None:
    code = "import sys, importlib.util as u; sys.exit(any(map(u.find_spec, ['numpy', 'torch', 'pandas', 'zarr'])))"
    subprocess.run([alone / "python", "-c", code], check=True)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--dry-run", "Train base-seed0"),
        ("--lint", ""),
        ("--rulegraph", "train_model"),
        ("--summary", "results/test/report.html"),
    ],
)
def test_a_study_is_planned(alone: Path, tree: Tree, option: str, words: str) -> None:
    assert words in run(alone, tree, option)


def test_snakemakes_report_is_written(alone: Path, tree: Tree) -> None:
    tree.run(TABLE, "--cores", "2")
    run(alone, tree, TABLE, "--report", "report.html")
    assert "noise.csv" in (tree.folder / "report.html").read_text(encoding="utf-8")
