"""What each score cost: wall time, its ratio to training, and peak memory, measured inside each job.

    seconds             wall time of the scoring, start-up excluded
    ratio_to_training   seconds / seconds_training of the same run
    peak_memory_bytes   largest resident memory of the job while the method ran

The clock is no part of a study's result: this is the one table that differs from run to run. Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hydra_steps.registry.decorators import table
from hydra_steps.scoring.store import read_scores
from hydra_steps.tables.layout import Artifact
from hydra_steps.tables.tidy import make_table, write_table

METRICS = ("seconds", "seconds_training", "peak_memory_bytes")


@table("timing", title="Cost of each score", clock=True, order=170)
def describe_cost(scores: Sequence[Artifact], output: str | Path) -> None:
    """Write ``timing.csv`` from score folders; ``n`` is the number of queries that were scored at once."""
    rows = []
    for artifact in scores:
        found = read_scores(artifact.path)
        values = {metric: _number(found.attributes.get(metric)) for metric in METRICS}
        if values["seconds_training"] > 0:
            values["ratio_to_training"] = values["seconds"] / values["seconds_training"]
        about = artifact.run.columns | {"method": artifact.label, "n": len(found.queries)}
        rows += [about | {"metric": metric, "value": value} for metric, value in values.items()]
    write_table(make_table("timing", rows), output)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float(np.nan)
