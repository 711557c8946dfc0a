"""What decisions were worth: accuracy and loss on each form of the data, and the data as decided.

``audit_proof.csv``: for each form and measure the mean over fresh seeds with its interval, and its change from the data
as they came, paired by seed; where samples are removed, beside the real change of a loss the one that each method
predicts, the sum of the contributions of what is removed. Losses and accuracies are of the held-out samples as decided;
``..._as_came`` of their labels as they came, which the predictions are about. ``audit_cleaned.csv`` has every sample of
all splits with the label that it came with and the one that was decided, empty where the sample is to be left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.audit.decisions import Decided, data_version, read_decisions
from hydra_steps.audit.proof import AS_CAME, DIMENSIONS, HELD_OUT, MEASURES, SCHEMA_VERSION
from hydra_steps.audit.trust import mean_interval
from hydra_steps.audit.writing import RUN, names_of, write_dicts
from hydra_steps.config.audits import FORMS
from hydra_steps.csv_files import read_csv
from hydra_steps.data.tables import SPLITS
from hydra_steps.registry.decorators import table
from hydra_steps.scoring.store import Scores, read_scores
from hydra_steps.stores import read_store
from hydra_steps.tables.layout import Artifact

COLUMNS = (*RUN, "form", "method", "metric", "n", "value", "ci_low", "ci_high")
CLEANED = ("split", "sample", "name", "source", "source_index", "label", "decided", "changed")
REMOVING = ("only_removed", "top_removed", "random_removed")


@table(
    "audit_proof",
    title="What the decisions are worth",
    when="audit.copies and audit.decisions",
    also=["audit_cleaned.csv"],
    settings={"decisions": "audit.decisions", "classes": "classes"},
    order=82,
)
def measure_decisions(
    *,
    audited_decided: Sequence[Artifact],
    audited_splits: Sequence[Artifact],
    audited_labels: Sequence[Artifact],
    audited_predictions: Sequence[Artifact],
    audited_scores: Sequence[Artifact],
    output: str | Path,
    audit_cleaned: str | Path,
    decisions: Sequence[str],
    classes: Sequence[str],
) -> None:
    """Write ``audit_proof.csv`` and ``audit_cleaned.csv``."""
    run = audited_decided[0].run
    found, about = read_store(audited_decided[0].path, DIMENSIONS, SCHEMA_VERSION)
    by_form = {
        name: {key: values[found["form"] == number] for key, values in found.items()}
        for number, name in enumerate(FORMS)
    }
    scores = {one.label: read_scores(one.path) for one in audited_scores}
    cleaned = [
        _row("", "", f"{split}_labels_cleaned", np.array([float(about["wrong"][split])]))
        for split in HELD_OUT
    ]
    rows = [*cleaned, *_real(by_form), *_predicted(by_form, {k: s for k, s in scores.items() if s.has_unit})]
    write_dicts(output, COLUMNS, run.columns, rows)
    version = data_version(audited_splits[0].path, audited_labels[0].path)
    answers = read_csv(audited_predictions[0].path)
    given = {split: answers.loc[answers["split"] == split, "label"].tolist() for split in SPLITS}
    _write_cleaned(
        audit_cleaned,
        audited_splits[0].path,
        read_decisions(decisions, version, given, classes),
        given,
        classes,
    )


def _real(by_form: Mapping[str, Mapping[str, np.ndarray]]) -> Iterator[dict[str, Any]]:
    for form, own in by_form.items():
        for metric in MEASURES:
            yield _row(form, "", metric, own[metric])
            if form != "as_is":
                yield _row(form, "", f"change_{metric}", own[metric] - by_form["as_is"][metric])


def _predicted(
    by_form: Mapping[str, Mapping[str, np.ndarray]], scores: Mapping[str, Scores]
) -> Iterator[dict[str, Any]]:
    for method, found in scores.items():
        for split in HELD_OUT:
            names = [query.name for query in found.queries if query.is_mean and query.split == split]
            for form in REMOVING if names else ():
                removed = by_form[form]["removed"].astype(np.float64)  # [seeds, n]
                yield _row(
                    form,
                    method,
                    f"change_{split}_loss_{AS_CAME}",
                    removed @ found.of_query(names[0]).astype(np.float64),
                )


def _row(form: str, method: str, metric: str, values: np.ndarray) -> dict[str, Any]:
    value, low, high = mean_interval(values)
    row = {"form": form, "method": method, "metric": metric, "n": len(values)}
    return row | {"value": value, "ci_low": low, "ci_high": high}


def _write_cleaned(
    path: str | Path,
    splits: str | Path,
    decided: Mapping[str, Decided],
    given: Mapping[str, Sequence[int]],
    classes: Sequence[str],
) -> None:
    table, rows = read_csv(splits), []
    for split in SPLITS:
        own = table[table["split"] == split]
        named = zip(names_of(own), own["source"], own["source_index"], strict=True)
        for sample, (name, source, position) in enumerate(named):
            before = given[split][sample]
            label, new = classes[before], classes[decided[split].relabel.get(sample, before)]
            new = "" if sample in decided[split].removed else new
            cells = {"split": split, "sample": sample, "name": name, "source": source}
            cells |= {"source_index": int(position), "label": label}
            rows.append(cells | {"decided": new, "changed": int(new != label)})
    write_dicts(path, CLEANED, {}, rows)
