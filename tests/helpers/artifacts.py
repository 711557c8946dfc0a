"""What steps leave, as tables take it: located among runs that tests name."""

from __future__ import annotations

from pathlib import Path

from hydra_steps.config.run import Run
from hydra_steps.tables.layout import Artifact, locate

RUNS = {
    run.name: run
    for run in (Run(variant, seed) for variant in ("base", "other", "lonely") for seed in (0, 1, 2))
}


def located(path: Path) -> Artifact:
    """Return what a path below ``runs/<run>/`` is."""
    return locate(path, RUNS)
