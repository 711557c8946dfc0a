"""Made-up tables with the look of real ones: same columns, plausible numbers, fixed seed."""

from __future__ import annotations

from pathlib import Path

from hydra_steps.figures.draw import needed_files, optional_files
from hydra_steps.registry import find
from tests.helpers.made_audit import AuditTables
from tests.helpers.made_costs import CostTables
from tests.helpers.made_experiments import ExperimentTables
from tests.helpers.made_scores import ScoreTables


class Tables(ScoreTables, ExperimentTables, CostTables, AuditTables):
    """Writes one made-up table per call into ``folder`` and returns its path."""

    def all(self) -> dict[str, Path]:
        names: tuple[str, ...] = (
            "queries",
            "training",
            "noise",
            "agreement",
            "detection",
            "counterfactual",
            "counterfactual_points",
            "contributions",
            "removal",
            "brittleness",
            "timing",
            "approximation",
            "claims",
            "stability",
            "clustering",
            "embedding",
            "class_contributions",
            "extremes",
            "ablations",
        )
        return {name: getattr(self, name)() for name in names}

    def files_of(self, figure: str) -> dict[str, Path | list[Path]]:
        """Make what a figure reads."""
        entry = find("figure", figure)
        names = [*needed_files(entry), *optional_files(entry)]
        return {name: getattr(self, name)() for name in names}
