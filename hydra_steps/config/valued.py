"""The section ``values``: whether the study has the method whose values are taken for the truth, and it has any."""

from __future__ import annotations

from hydra_steps.config.typed import Plain
from hydra_steps.errors import StudyError, nearest
from hydra_steps.registry import find


def check_values(study: Plain) -> None:
    """Raise :class:`StudyError` for a truth that is not among the methods, or only ranks."""
    truth, methods = study["values"]["truth"], study["methods"]
    if truth is None:
        return
    if truth not in methods:
        raise StudyError(f"values.truth: {truth!r} is not among methods", fix=nearest(truth, list(methods)))
    entry = find("method", methods[truth]["method"], f"methods.{truth}")
    if entry.traits["unit"] != "query":
        raise StudyError(
            f"values.truth: {truth} only ranks the samples ({entry.name})",
            "a method whose contributions are in the query's unit",
            "choose such a method, for instance data_shapley",
        )
