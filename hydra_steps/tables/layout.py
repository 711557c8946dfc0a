"""Where a measurement belongs: run, variant, seed and method label, read from a path of the results folder.

The layout is a contract: ``…/runs/<variant>-seed<k>/scores/<label>``,
``…/runs/<run>/counterfactual/<design>/<batch>``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from hydra_steps.errors import StudyError

RUN_NAME = re.compile(r"(?P<variant>.+)-seed(?P<seed>\d+)")


@dataclass(frozen=True, order=True)
class Run:
    """One trained model of the study: a variant with a seed, named ``<variant>-seed<k>``."""

    variant: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.variant}-seed{self.seed}"

    @property
    def columns(self) -> dict[str, str]:
        """The first three columns of every table."""
        return {"variant": self.variant, "run": self.name, "seed": str(self.seed)}


def parse_run(name: str) -> Run:
    """Split ``base-seed0`` into variant and seed."""
    match = RUN_NAME.fullmatch(name)
    if match is None:
        raise StudyError(f"the run is named {name!r}", "<variant>-seed<number>, such as base-seed0")
    return Run(match["variant"], int(match["seed"]))


def run_of(path: str | Path) -> Run:
    """Return the run that a path below ``runs/<run>/`` belongs to."""
    return parse_run(part_after(path, "runs"))


def part_after(path: str | Path, folder: str) -> str:
    """Return the path's part that follows the last ``folder`` in it, e.g. the label after ``scores``."""
    parts = Path(path).parts
    at = [i for i, part in enumerate(parts[:-1]) if part == folder]
    if not at:
        raise StudyError(
            f"the path {path} has no part below {folder}/", f"a path such as …/{folder}/<name>/…"
        )
    return parts[at[-1] + 1]


def of_labels(paths: Iterable[str | Path], labels: Collection[str] | None) -> list[str | Path]:
    """Return the folders ``…/scores/<label>`` of these labels, in their order; all of them for None."""
    return [path for path in paths if labels is None or part_after(path, "scores") in labels]
