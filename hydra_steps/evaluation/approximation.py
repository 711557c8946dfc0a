"""The approximation's error along the training: each method against exact HyDRA had the training ended at an epoch.

    spearman, sign_disagreement, relative_error    of the contributions (as in `agreement`), after each traced epoch
    hypergradient_norm, hypergradient_distance     mean over the tracked samples of ‖h‖ and of ‖h − ĥ‖, with and
                                                   without the Hessian; Student's 95 % interval over the samples
    relative_distance                              Σ ‖h − ĥ‖ / Σ ‖h‖ over the tracked samples
    bound, bound_measured                          means of the two bounds on ‖h − ĥ‖ (see `scoring.approximation`)
    spectral_norm                                  of the batches' Hessians at that epoch's end

Hypergradients are in data weights. Torch-free.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydra_steps.config.run import Run
from hydra_steps.csv_files import read_csv
from hydra_steps.evaluation.agreement import REFERENCE, compare, first_of
from hydra_steps.registry.decorators import table
from hydra_steps.scoring.store import read_scores
from hydra_steps.tables.layout import Artifact
from hydra_steps.tables.seed_intervals import mean_interval, within
from hydra_steps.tables.tidy import make_table, write_table


@table(
    "approximation",
    title="The approximation's error along the training",
    keys=["epoch"],
    when="traced",
    settings={"approximated": "label_of.hydra_hessian_free"},
    order=50,
)
def evaluate_approximation(
    *,
    traced: Sequence[Artifact],
    approximation: Sequence[Artifact],
    approximated: str,
    output: str | Path,
) -> None:
    """Write ``approximation.csv`` from folders ``…/runs/<run>/epochs/<label>``, and from the runs'
    ``approximation.csv``.

    Either list may be empty. Runs whose exact scores were not traced have no rows of agreement. ``approximated`` is
    the label of HyDRA without the Hessian, which the tracked distances are about.
    """
    folders: dict[Run, dict[str, Path]] = {}
    for artifact in traced:
        folders.setdefault(artifact.run, {})[artifact.label] = artifact.path
    rows: list[dict[str, Any]] = []
    for run, methods in folders.items():
        ends = {label: found[0][1] for label, path in methods.items() if (found := epochs_of(path))}
        reference = first_of(ends, REFERENCE)
        for label, folder in methods.items():
            if reference is None or label == reference:
                continue
            for epoch, after in epochs_of(folder):
                exact = read_scores(methods[reference] / str(epoch))
                rows += [
                    run.columns | {"method": label, "epoch": epoch} | row for row in compare(after, exact)
                ]
    for artifact in approximation:
        about = {"method": approximated}
        rows += [artifact.run.columns | about | row for row in _distances(read_csv(artifact.path))]
    write_table(make_table("approximation", rows), output)


def epochs_of(folder: str | Path) -> list[tuple[int, Path]]:
    """Return the traced epochs of one method on one run with their folders, in order."""
    return sorted((int(path.name), path) for path in Path(folder).iterdir() if path.name.isdigit())


def _distances(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for epoch, part in table.groupby("epoch", sort=True):
        about = {"epoch": epoch, "n": len(part)}
        for metric, column in (
            ("hypergradient_norm", "norm"),
            ("hypergradient_distance", "distance"),
            ("bound", "bound"),
            ("bound_measured", "bound_measured"),
        ):
            values = part[column].to_numpy(np.float64)
            row = about | {"metric": metric, "value": float(values.mean())}
            if metric.startswith("hypergradient"):
                low, high = within(metric, *mean_interval(values))
                row |= {"ci_low": low, "ci_high": high}
            yield row
        size = float(part["norm"].sum())
        relative = float(part["distance"].sum()) / size if size > 0 else float("nan")
        yield about | {"metric": "relative_distance", "value": relative}
        yield about | {"metric": "spectral_norm", "value": float(part["spectral_norm"].iloc[0])}
