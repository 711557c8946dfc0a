"""What make calls ends in one message for a file that Snakemake itself would read with a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("target", ["study", "plan", "estimate", "figures", "benchmark", "check"])
def test_a_study_that_is_no_text(target: str, tmp_path: Path) -> None:
    study = tmp_path / "latin.yaml"
    study.write_bytes("study: a\n# Größe\n".encode("latin-1"))
    binaries = tmp_path / "venv" / "bin"
    binaries.mkdir(parents=True)
    for name, start in (("python", ""), ("snakemake", "-m snakemake ")):
        (binaries / name).write_text(f'#!/bin/sh\nexec {sys.executable} {start}"$@"\n')
        (binaries / name).chmod(0o755)
    (tmp_path / "venv" / ".installed").touch()  # newer than pyproject.toml
    command = ["make", target, f"CONFIG={study}", f"VENV={tmp_path / 'venv'}", "CORES=1"]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert said.count("error: the study") == 1
    assert "is not UTF-8: byte 0xf6 in line 2" in said
