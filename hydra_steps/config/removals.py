"""The sections ``removal`` and ``brittleness``: what they ask for, and whether the study has it."""

from __future__ import annotations

from collections.abc import Sequence

from hydra_steps.config.controls import CONTROLS
from hydra_steps.config.typed import Plain
from hydra_steps.errors import StudyError, nearest
from hydra_steps.queries.query import Query, flips_prediction


def removal_labels(study: Plain) -> list[str]:
    """Return the methods and controls that removal curves are drawn for; none where no fraction is asked for."""
    section = study["removal"]
    return _labels(study, section) if section["fractions"] else []


def brittleness_labels(study: Plain) -> list[str]:
    """Return the methods and controls that look for flipping groups; none where no query is asked about."""
    section = study["brittleness"]
    return _labels(study, section) if section["queries"] else []


def _labels(study: Plain, section: Plain) -> list[str]:
    methods = study["methods"] if section["methods"] is None else section["methods"]
    return [*methods, *section["controls"]]


def check_removals(study: Plain, sizes: dict[str, int], classes: int, queries: Sequence[Query]) -> None:
    """Raise :class:`StudyError` for what the two sections name and the study does not have."""
    by_name = {query.name: query for query in queries}
    for label in study["methods"]:
        if label in CONTROLS:
            raise StudyError(
                f"methods.{label}: the name of a control of removal curves",
                "another label",
                f"rename {label}",
            )
    for name in ("removal", "brittleness"):
        for label in study[name]["methods"] or []:
            if label not in study["methods"]:
                raise StudyError(
                    f"{name}.methods: {label!r} is not among methods",
                    fix=nearest(label, list(study["methods"])),
                )
    if study["removal"]["fractions"]:
        _check_removal(study["removal"], sizes["train"], classes, list(by_name))
    for query in study["brittleness"]["queries"]:
        _known("brittleness.queries", query, list(by_name))
        if not flips_prediction(by_name[query]):
            raise StudyError(
                f"brittleness.queries: {query!r} has no prediction that could flip",
                "queries about one test sample each, such as test_sample_3",
                "name such queries, and have them among the study's queries",
            )


def _check_removal(removal: Plain, samples: int, classes: int, queries: Sequence[str]) -> None:
    _known("removal.query", removal["query"], queries)
    for fraction in removal["fractions"]:
        left = samples - round(fraction * samples)
        if left < max(classes, 1):
            raise StudyError(
                f"removal.fractions: {fraction} of {samples} training samples leaves {left} for {classes} classes",
                f"at least {classes} samples left, one of every class",
                "lower removal.fractions or raise data.train",
            )


def _known(key: str, query: str, queries: Sequence[str]) -> None:
    if query not in queries:
        raise StudyError(
            f"{key}: {query!r} is not among the study's queries", fix=nearest(query, list(queries))
        )
