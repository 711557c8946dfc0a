"""The GPU check, whole, with tiny sizes on the processor: what it writes, and what it says without a GPU."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import torch

from tests.helpers.garbage import imported_is_kept
from tools.gpu_check import DRY, MANY, SIZES, check_gpu, main

__all__ = ["imported_is_kept"]
ROOT = Path(__file__).parents[2]


@pytest.mark.usefixtures("imported_is_kept")
def test_a_network_is_measured_and_what_has_no_time_is_named(tmp_path: Path) -> None:
    small, late = DRY[0], DRY[2]
    check_gpu(tmp_path, (small,), "cpu", 30)
    found = json.loads((tmp_path / "gpu.json").read_text())
    measured = found["networks"][small.model]["contestants"]
    sweeps = {"exact, 1 query", f"exact, {MANY} queries", "Gauss-Newton, 1 query", "Hessian-free, 1 query"}
    assert set(measured) == {"plain_training", "training", "training with its record", "bank of 64", *sweeps}
    assert all(0 < one["lowest"] <= one["ratio"] <= one["highest"] for one in measured.values())
    assert measured["plain_training"]["ratio"] == 1
    said = (tmp_path / "gpu.md").read_text()
    assert f"| {small.model} | exact, {MANY} queries | " in said
    nothing = check_gpu(tmp_path / "late", (late,), "cpu", 0)
    assert nothing["networks"] == {}
    assert nothing["left_out"] == [late.model]
    assert f"| {late.model} | no time left |" in (tmp_path / "late" / "gpu.md").read_text()


def test_each_network_has_a_size_to_try_the_script_with() -> None:
    assert [size.model for size in DRY] == [size.model for size in SIZES]


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_without_a_gpu_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="PyTorch finds no CUDA device.*--dry-run"):
        main([str(tmp_path)])


def test_a_shell_reads_the_script() -> None:
    script = ROOT / "tests" / "gpu" / "check.sh"
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(script)], check=True)
