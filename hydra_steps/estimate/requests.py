"""What a job asks a cluster for: memory and time by the estimate, with room, and more with every attempt.

Worked out from the study's configuration alone (``nominal``), since it is needed wherever the Snakefile is read:
a job's request follows the size of its data, model, batches and queries. Too much costs time in the queue; too little
costs an attempt, and the next one asks for twice as much.
"""

from __future__ import annotations

import math
from functools import cache

from hydra_steps.config import canonical_json, run_config
from hydra_steps.config.runs import Study
from hydra_steps.estimate.rates import Calibration

ROOM_SECONDS, ROOM_MEMORY = 4.0, 1.5  # times the estimate
LEAST_MINUTES, LEAST_MEGABYTES = 10, 1000


class Requests:
    """The requests of a study's jobs, by the estimate's lines (``train_model``, ``score_samples: random``)."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._lines = cache(self._estimate)  # not before a job asks: many never do

    def memory(self, line: str, attempt: int = 1) -> int:
        """Return megabytes."""
        needed = ROOM_MEMORY * self._lines().get(line, (0.0, 0.0))[0] / 1e6
        return math.ceil(max(needed, LEAST_MEGABYTES) * 2 ** (attempt - 1) / 100) * 100

    def minutes(self, line: str, attempt: int = 1) -> int:
        """Return minutes."""
        needed = LEAST_MINUTES + ROOM_SECONDS * self._lines().get(line, (0.0, 0.0))[1] / 60
        return math.ceil(needed) * 2 ** (attempt - 1)

    def _estimate(self) -> dict[str, tuple[float, float]]:
        """Return bytes and seconds of the largest job of each line."""
        from hydra_steps.estimate.costs import study_costs
        from hydra_steps.estimate.meta import run_network
        from hydra_steps.estimate.nominal import nominal

        known: dict[str, Calibration] = {}

        def calibration_of(run: str) -> Calibration:
            config = run_config(self._study, run)
            key = canonical_json({name: config[name] for name in ("data", "model", "training", "compute")})
            if key not in known:
                known[key] = nominal(
                    run_network(config), config, self._study["methods"], self._study["queries"]
                )
            return known[key]

        return {cost.rule: (cost.memory, cost.longest) for cost in study_costs(self._study, calibration_of)}
