"""What a step has left, and where it belongs: its run, and the label of a method, a control or a design.

The layout is a contract: ``…/runs/<run>/scores/<label>``, ``…/runs/<run>/counterfactual/<design>/<batch>``. The folder
of a run is looked up among the study's runs; no name is taken apart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hydra_steps.config.run import Run
from hydra_steps.errors import StudyError


@dataclass(frozen=True)
class Artifact:
    """A file or folder of a run; ``label``: the method, control or design that it is of, where it is of one."""

    path: Path
    run: Run
    label: str = ""


def locate(path: str | Path, runs: Mapping[str, Run]) -> Artifact:
    """Return what a path below ``runs/<run>/`` is; ``runs``: the study's by name."""
    path = Path(path)
    parts = path.parts
    at = [i for i, part in enumerate(parts[:-1]) if part == "runs" and parts[i + 1] in runs]
    if not at:
        raise StudyError(
            f"the path {path} is in no run's folder", f"runs/<run>/…, the run one of {', '.join(runs)}"
        )
    below = parts[at[-1] + 2 :]
    return Artifact(path, runs[parts[at[-1] + 1]], below[1] if len(below) > 1 else "")


def of_labels(artifacts: Iterable[Artifact], labels: Collection[str] | None) -> list[Artifact]:
    """Return the artifacts of these labels, in their order; all of them for None."""
    return [artifact for artifact in artifacts if labels is None or artifact.label in labels]
