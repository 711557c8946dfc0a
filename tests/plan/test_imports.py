"""A plan needs what Snakemake needs, and no more: a machine that submits jobs has no numpy."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("numpy", "pandas", "torch", "zarr", "matplotlib", "scipy")
FILES = [
    ROOT / "workflow/Snakefile",
    *sorted((ROOT / "workflow/rules").glob("*.smk")),
    ROOT / "hydra_steps/__main__.py",
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_what_is_imported_to_plan_loads_nothing_heavy(file: Path) -> None:
    lines = re.findall(r"^(?:from hydra_steps\S* import .*|import hydra_steps.*)$", file.read_text(), re.M)
    code = "\n".join([*lines, f"import sys; sys.exit(' '.join(m for m in {HEAVY} if m in sys.modules) or 0)"])
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
