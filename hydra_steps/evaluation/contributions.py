"""How contributions are distributed over clean and over mislabelled training samples, in percentiles.

    quantile    contribution below which the share ``level`` of the group (``is_noisy`` 0 or 1) lies

A hundred and one levels (0, 0.01, …, 1) keep the shape, tails included, in a table whose size does not grow
with the training set. ``n`` is the group's number of samples; a group without samples has no rows.
Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hydra_steps.evaluation.detection import QUERIES, read_is_noisy
from hydra_steps.evaluation.layout import part_after, run_of
from hydra_steps.evaluation.tables import LEADING, TRAILING, summarise_over_seeds, write_table
from hydra_steps.scoring.store import read_scores

LEVELS = np.linspace(0.0, 1.0, 101)
COLUMNS = (*LEADING, "is_noisy", "level", *TRAILING)


def describe_contributions(
    scores: Sequence[str | Path],
    labels: Sequence[str | Path],
    output: str | Path,
    *,
    queries: Sequence[str] = QUERIES,
) -> None:
    """Write ``contributions.csv`` from score folders and the ``labels.csv`` of the runs they belong to.

    Values are in the score's own unit (the query's, or none where the score only ranks). Scores that are not
    finite have no rows. O(n log n) per method and query.
    """
    noisy = {run_of(path).name: read_is_noisy(path) for path in labels}
    rows = []
    for path in scores:
        run, found = run_of(path), read_scores(path)
        for query in (q for q in queries if q in found.queries):
            contribution = np.asarray(found.of_query(query), dtype=np.float64)
            if not np.isfinite(contribution).all():
                continue
            about = run.columns | {"method": part_after(path, "scores"), "query": query, "metric": "quantile"}
            for flag in (0, 1):
                group = contribution[noisy[run.name] == bool(flag)]
                if not group.size:
                    continue
                for level, value in zip(LEVELS, np.quantile(group, LEVELS), strict=True):
                    rows.append(about | {"is_noisy": flag, "level": level, "n": group.size, "value": value})
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    measured = ["is_noisy", "level", *TRAILING]
    table[measured] = table[measured].astype(np.float64)
    write_table(summarise_over_seeds(table), output)
