"""Made-up tables with the look of real ones: same columns, plausible numbers, fixed seed."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.made_experiments import ExperimentTables
from tests.helpers.made_scores import ScoreTables


class Tables(ScoreTables, ExperimentTables):
    """Writes one made-up table per call into ``folder`` and returns its path."""

    def all(self) -> dict[str, Path]:
        names: tuple[str, ...] = (
            "training",
            "noise",
            "agreement",
            "detection",
            "counterfactual",
            "points",
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
