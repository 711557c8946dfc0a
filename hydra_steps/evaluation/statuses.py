"""Which method has scores on which run, and why it has none: it diverged, or the data do not suit it.

    status   ``scored``, ``diverged`` or ``unsuited``; over seeds, where runs differ, ``diverged in 1 of 3 runs``
    reason   the method's own words; over seeds those of the first run without scores

One row per run and method, and one over the seeds (``seed`` = all). Torch-free.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hydra_steps.config.run import Run
from hydra_steps.registry.decorators import table
from hydra_steps.scoring.store import read_scores
from hydra_steps.tables.layout import Artifact
from hydra_steps.tables.writing import write_csv

COLUMNS = ("variant", "run", "seed", "method", "unit", "status", "reason")
SCORED = "scored"


@table("statuses", title="Methods with and without scores", order=165)
def describe_statuses(scores: Sequence[Artifact], output: str | Path) -> None:
    """Write ``statuses.csv`` from score folders ``…/runs/<run>/scores/<label>`` of any number of runs."""
    found: dict[tuple[str, str], list[tuple[Run, str, str]]] = {}
    for artifact in scores:
        attributes = read_scores(artifact.path).attributes
        run, unit = artifact.run, str(attributes["unit"])
        key = run.variant, artifact.label
        found.setdefault(key, []).append((run, unit, str(attributes.get("status", SCORED))))
    rows: list[dict[str, str]] = []
    for (variant, method), runs in sorted(found.items()):
        parted = [(run, unit, *status.partition(": ")[::2]) for run, unit, status in sorted(runs)]
        rows += [
            run.columns | {"method": method, "unit": unit, "status": status, "reason": reason}
            for run, unit, status, reason in parted
        ]
        over = {"variant": variant, "run": variant, "seed": "all", "method": method, "unit": runs[0][1]}
        over["status"] = over_seeds([status for _, _, status in runs])
        rows.append(over | {"reason": next((reason for *_, reason in parted if reason), "")})
    write_csv(pd.DataFrame(rows, columns=list(COLUMNS)), output)


def over_seeds(statuses: Sequence[str]) -> str:
    """Return one status for several runs, without reasons: the same for all, or in how many runs which."""
    counts = Counter(kind for kind in (status.partition(": ")[0] for status in statuses) if kind != SCORED)
    if not counts:
        return SCORED
    if len(counts) == 1 and counts.total() == len(statuses):
        return next(iter(counts))
    return ", ".join(f"{kind} in {count} of {len(statuses)} runs" for kind, count in sorted(counts.items()))
