"""Held-out samples whose labels look wrong: what the model is measured on should be right, too.

The model has not seen them, so that its probability of the given label says how much it doubts it: of a model that
generalises well these are either hard or wrong. No chance is told, as nothing is planted among them. The explorer shows
them for decisions, which stand in ``decisions.csv`` with their ``split``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hydra_steps.audit.writing import RUN, names_of, write_dicts
from hydra_steps.csv_files import read_csv
from hydra_steps.registry.decorators import table
from hydra_steps.tables.layout import Artifact

COLUMNS = (
    *RUN,
    "split",
    "rank",
    "sample",
    "name",
    "source_index",
    "label",
    "predicted",
    "probability",
    "loss",
)
LISTED = 100  # of each split
HELD_OUT = ("validation", "test")


@table(
    "audit_held_out",
    title="Held-out samples whose labels look wrong",
    when="audit.copies",
    settings={"classes": "classes"},
    order=85,
)
def list_held_out(
    *,
    audited_splits: Sequence[Artifact],
    audited_predictions: Sequence[Artifact],
    output: str | Path,
    classes: Sequence[str],
) -> None:
    """Write the held-out samples that the final model contradicts, those with the highest loss first, at most 100 of
    each split; ``probability`` is that of ``predicted``."""
    answers, splits = read_csv(audited_predictions[0].path), read_csv(audited_splits[0].path)
    rows = []
    for split in HELD_OUT:
        own, where = (one[one["split"] == split].reset_index(drop=True) for one in (answers, splits))
        names = names_of(where)
        loss = own["loss"].to_numpy(np.float64)
        doubted = own["label"].to_numpy() != own["predicted"].to_numpy()
        order = [int(at) for at in np.argsort(-loss, kind="stable") if doubted[at]][:LISTED]
        said, sources = own.to_dict("list"), where["source_index"].tolist()
        for rank, at in enumerate(order, 1):
            row = {"split": split, "rank": rank, "sample": at, "name": names[at], "source_index": sources[at]}
            row |= {key: classes[int(said[key][at])] for key in ("label", "predicted")}
            rows.append(row | {key: said[key][at] for key in ("probability", "loss")})
    write_dicts(output, COLUMNS, audited_splits[0].run.columns, rows)
