"""Which classes are taken for one another: suspects by given and suggested label, ``audit_pairs.csv``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hydra_steps.audit.writing import RUN, write_dicts
from hydra_steps.csv_files import read_csv
from hydra_steps.registry.decorators import table
from hydra_steps.tables.layout import Artifact

COLUMNS = (*RUN, "label", "suggested", "suspects", "expected_wrong", "back", "samples", "examples")
EXAMPLES = 5


@table(
    "audit_pairs",
    title="Classes that are taken for one another",
    when="audit.copies",
    settings={"classes": "classes"},
    order=84,
)
def pair_classes(
    *,
    audited_labels: Sequence[Artifact],
    audit_suspects_table: str | Path,
    output: str | Path,
    classes: Sequence[str],
) -> None:
    """Write the pairs of given and suggested label, those with the most labels that are expected to be wrong first.

    ``suspects``: how many of the list; ``expected_wrong``: the sum of their chances; ``back``: that sum of the pair the
    other way round, so that two classes which are confused both ways are told from a mistake in one; ``samples``: all
    with the given label; ``examples``: the most suspicious, by name or else by number.
    """
    suspects = read_csv(audit_suspects_table, dtype={"label": str, "suggested": str, "name": "object"})
    labels = Counter(read_csv(audited_labels[0].path)["label"].astype(int).tolist())
    counts = {classes[place]: count for place, count in labels.items()}
    write_dicts(output, COLUMNS, audited_labels[0].run.columns, class_pairs(suspects, counts))


def class_pairs(suspects: pd.DataFrame, counts: dict[str, int]) -> list[dict[str, object]]:
    """Return the rows of the table for suspects (``rank``, ``sample``, ``name``, ``label``, ``suggested``,
    ``chance_wrong``) and the number of samples of each given label."""
    groups = {
        (str(given), str(other)): own.sort_values("rank")
        for (given, other), own in suspects.groupby(["label", "suggested"], sort=True)
    }
    expected = {pair: float(own["chance_wrong"].sum()) for pair, own in groups.items()}
    rows: list[dict[str, object]] = []
    for (given, other), own in groups.items():
        first = own.head(EXAMPLES)
        called = [
            str(name) if isinstance(name, str) and name else f"no. {sample}"
            for name, sample in zip(first["name"], first["sample"], strict=True)
        ]
        rows.append(
            {
                "label": given,
                "suggested": other,
                "suspects": len(own),
                "expected_wrong": expected[(given, other)],
                "back": expected.get((other, given), 0.0),
                "samples": counts[given],
                "examples": "; ".join(called),
            }
        )
    return sorted(
        rows, key=lambda row: (-expected[(str(row["label"]), str(row["suggested"]))], str(row["label"]))
    )
