"""What a store holds, for comparison, and whether it would be believed."""

from __future__ import annotations

from pathlib import Path

from hydra_steps.errors import StudyError
from hydra_steps.trajectory.store import TrajectoryStore


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a store but the clock's readings."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "timing.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def wrongly_accepted(folder: Path, whole: dict[str, bytes]) -> bool:
    """Whether ``folder`` opens and verifies although it is not the whole store."""
    try:
        TrajectoryStore.open(folder).verify()
    except StudyError:
        return False
    return content(folder) != whole
