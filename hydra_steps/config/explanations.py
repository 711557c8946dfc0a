"""The sections ``clustering``, ``embedding``, ``class_contributions`` and ``extremes``: what they ask for, and
whether the study's queries can tell it."""

from __future__ import annotations

from collections.abc import Sequence

from hydra_steps.config.typed import Plain
from hydra_steps.errors import StudyError, nearest
from hydra_steps.queries.query import Query, vector_queries

# The key that switches each section on: off while it is empty.
SWITCH = {
    "clustering": "algorithms",
    "embedding": "samples",
    "class_contributions": "queries",
    "extremes": "queries",
}
_ADD = "add {kind: sample_loss, split: test, count: 20} to queries"


def check_explanations(study: Plain, queries: Sequence[Query]) -> None:
    """Raise :class:`StudyError` for what the sections name and the study, with its queries, does not have."""
    on = [name for name in SWITCH if study[name][SWITCH[name]]]
    for name in on:
        for label in study[name]["methods"] or []:
            if label not in study["methods"]:
                raise StudyError(
                    f"{name}.methods: {label!r} is not among methods",
                    fix=nearest(label, list(study["methods"])),
                )
    singles = len(vector_queries(queries))
    for name in ("clustering", "embedding"):
        if name in on and singles < 2:
            raise StudyError(
                f"{name}.{SWITCH[name]}: contribution vectors have one number for each query about a single test "
                f"sample, and the study has {singles} such queries of one kind",
                "at least 2, better 20",
                _ADD,
            )
    _check_classes(study, queries, singles)
    names = [query.name for query in queries]
    for name in study["extremes"]["queries"]:
        if name not in names:
            raise StudyError(
                f"extremes.queries: {name!r} is not among the study's queries", fix=nearest(name, names)
            )
    if "extremes" in on and study["extremes"]["training_samples"] and singles < 2:
        raise StudyError(
            f"extremes.training_samples: whom a training sample helps and harms is read off the queries about single "
            f"test samples, and the study has {singles} of one kind",
            "at least 2",
            f"{_ADD}, or set extremes.training_samples to 0",
        )


def _check_classes(study: Plain, queries: Sequence[Query], singles: int) -> None:
    asked = study["class_contributions"]["queries"]
    if asked == "class_loss" and not any(q.over == "class" and q.split == "test" for q in queries):
        raise StudyError(
            "class_contributions.queries: class_loss, and the study asks for the loss of no test class",
            "a query for each class",
            "add {kind: class_loss, split: test} to queries",
        )
    if asked == "sample_loss" and not singles:
        raise StudyError(
            "class_contributions.queries: sample_loss, and the study asks about no single test sample",
            "at least one query about a single test sample, better several of each class",
            "add {kind: sample_loss, split: test, count: 50} to queries",
        )
