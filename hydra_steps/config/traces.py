"""The section ``trace``: scores at the ends of epochs, and whether the study has what it names."""

from __future__ import annotations

from collections.abc import Sequence

from hydra_steps.config.typed import Plain
from hydra_steps.errors import StudyError, nearest


def trace_labels(study: Plain) -> list[str]:
    """Return the methods that score at the ends of epochs; none where no epoch is asked for."""
    section = study["trace"]
    if not section["epochs"]:
        return []
    return list(study["methods"] if section["methods"] is None else section["methods"])


def check_trace(study: Plain, samples: int, queries: Sequence[str]) -> None:
    """Raise :class:`StudyError` for what the section names and the study does not have."""
    section, epochs = study["trace"], study["training"]["epochs"]
    for epoch in section["epochs"]:
        if epoch > epochs:
            raise StudyError(
                f"trace.epochs: {epoch}",
                f"at most {epochs}, which is training.epochs",
                "lower trace.epochs or raise training.epochs",
            )
    if not section["epochs"]:
        return
    for label in section["methods"] or []:
        if label not in study["methods"]:
            raise StudyError(
                f"trace.methods: {label!r} is not among methods", fix=nearest(label, list(study["methods"]))
            )
    for query in section["queries"]:
        if query not in queries:
            raise StudyError(
                f"trace.queries: {query!r} is not among the study's queries",
                fix=nearest(query, list(queries)),
            )
    if section["tracked"] > samples:
        raise StudyError(
            f"trace.tracked: {section['tracked']}", f"at most {samples}, the training samples", "lower it"
        )
