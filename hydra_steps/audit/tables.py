"""The tables of an audit: what it says in numbers, the methods compared, the suspects, and the reliability diagram.

``audit_harmful.csv`` lists samples that harm although their label is probably right (:mod:`hydra_steps.audit.harmful`).
``audit_numbers.csv`` has one measure a row: ``wrong_labels`` and ``wrong_share`` (estimated, with 95 % intervals),
``to_look_at`` (suspects from the top to find 80 % of the wrong labels), ``average_precision`` of the chosen method on
planted labels, ``lead`` over the best other one (negative where a simpler one was chosen) and ``over_plain`` over the
plain loss, ``calibration_error``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.audit.chances import calibration_error
from hydra_steps.audit.copies import read_copies
from hydra_steps.audit.harmful import COLUMNS as HARMFUL
from hydra_steps.audit.harmful import list_harmful
from hydra_steps.audit.judge import Verdict, judge
from hydra_steps.audit.look_alikes import near_duplicates
from hydra_steps.audit.samples import AuditedSamples
from hydra_steps.audit.suspects import COLUMNS, list_suspects, mean_probability
from hydra_steps.audit.trust import PLAIN, Trusted, mean_interval
from hydra_steps.audit.writing import RUN, names_of, write_dicts
from hydra_steps.csv_files import read_csv, write_rows
from hydra_steps.registry.decorators import table
from hydra_steps.scoring.class_probabilities import read_classes
from hydra_steps.scoring.store import read_scores
from hydra_steps.tables.layout import Artifact

MEASURES = (*RUN, "method", "query", "metric", "n", "value", "ci_low", "ci_high")
METHODS = (
    *(*RUN, "method", "copies", "value", "ci_low", "ci_high"),
    *("over_plain", "over_plain_low", "over_plain_high", "chosen"),
)
RELIABILITY = (*RUN, "method", "told", "real", "n")


@table(
    "audit_numbers",
    title="Audit",
    when="audit.copies",
    also=["audit_methods.csv", "audit_suspects.csv", "audit_harmful.csv", "audit_reliability.csv"],
    settings={
        "query": "audit.query",
        "blends": "audit.blends",
        "classes": "classes",
        "method_of": "method_of",
    },
    order=81,
)
def audit_labels(
    *,
    audited_labels: Sequence[Artifact],
    audited_splits: Sequence[Artifact],
    audited_scores: Sequence[Artifact],
    audited_classes: Sequence[Artifact],
    planted_labels: Sequence[Artifact],
    planted_scores: Sequence[Artifact],
    planted_classes: Sequence[Artifact],
    output: str | Path,
    audit_methods: str | Path,
    audit_suspects: str | Path,
    audit_harmful: str | Path,
    audit_reliability: str | Path,
    query: str,
    blends: bool,
    classes: Sequence[str],
    method_of: Mapping[str, str],
    audit_look_alikes_table: str | Path | None = None,
) -> None:
    """Judge the training data of a run by its copies with planted labels, and write the five tables."""
    about = audited_labels[0].run.columns
    data, copies = read_copies(audited_labels, audited_scores, planted_labels, planted_scores, query)
    verdict = judge(data, copies, blends)
    plain = next((label for label in data.by_method if method_of.get(label) == PLAIN), None)
    write_dicts(output, MEASURES, about, _measures(verdict, query, plain))
    write_dicts(audit_methods, METHODS, about, _methods(verdict.trusted, plain))
    bins = [
        {"method": verdict.trusted.chosen, "told": b.told, "real": b.real, "n": b.count} for b in verdict.bins
    ]
    write_dicts(audit_reliability, RELIABILITY, about, bins)
    probability = mean_probability(
        [read_classes(one.path) for one in (*audited_classes, *planted_classes)],
        [~one.planted for one in (data, *copies)],
    )
    scores = {one.label: read_scores(one.path) for one in audited_scores if one.label in data.by_method}
    splits = read_csv(audited_splits[0].path)
    train = splits[splits["split"] == "train"].sort_values("index")
    place, alike = train["source_index"].to_numpy(), near_duplicates(audit_look_alikes_table)
    samples = AuditedSamples(data, verdict, scores, place, names_of(train), classes, query, alike)
    suspects, harmful = list_suspects(samples, probability), list_harmful(samples)
    for path, columns, listed in ((audit_suspects, COLUMNS, suspects), (audit_harmful, HARMFUL, harmful)):
        rows = ((*about.values(), *row) for row in listed.itertuples(index=False))
        write_rows(path, (*RUN, *columns), rows)


def _measures(verdict: Verdict, query: str, plain: str | None) -> list[dict[str, Any]]:
    trusted, amount = verdict.trusted, verdict.amount
    best = trusted.chosen
    others = [name for name in trusted.precision if name != best]
    values: dict[str, tuple[float, float, float]] = {
        "wrong_labels": (amount.value, amount.low, amount.high),
        "wrong_share": (amount.rate, amount.low / amount.samples, amount.high / amount.samples),
        "to_look_at": (float(verdict.look), np.nan, np.nan),
        "average_precision": _share_interval(trusted.precision[best]),
        "calibration_error": (calibration_error(verdict.bins), np.nan, np.nan),
    }
    if others:
        values["lead"] = mean_interval(trusted.precision[best] - trusted.precision[others[0]])
    if plain and plain != best:
        values["over_plain"] = mean_interval(trusted.precision[best] - trusted.precision[plain])
    about = {"method": best, "query": query, "n": amount.samples}
    return [
        about | {"metric": metric, "value": value, "ci_low": low, "ci_high": high}
        for metric, (value, low, high) in values.items()
    ]


def _methods(trusted: Trusted, plain: str | None) -> list[dict[str, Any]]:
    rows = []
    for name, values in trusted.precision.items():
        mean, low, high = _share_interval(values)
        row = {"method": name, "copies": len(values), "value": mean, "ci_low": low, "ci_high": high}
        if plain and plain != name:
            over = mean_interval(values - trusted.precision[plain])
            row |= dict(zip(("over_plain", "over_plain_low", "over_plain_high"), over, strict=True))
        rows.append(row | {"chosen": int(name == trusted.chosen)})
    return rows


def _share_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of shares and its interval, which cannot leave [0, 1]."""
    mean, low, high = mean_interval(values)
    return mean, max(low, 0.0), min(high, 1.0)
