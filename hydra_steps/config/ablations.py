"""The section ``ablations``: a variant that the others are compared with, and whether the study has it."""

from __future__ import annotations

from typing import Any

from hydra_steps.config.runs import variant_names
from hydra_steps.errors import StudyError, nearest

FEWEST = 2  # variants that make an ablation


def check_ablations(study: dict[str, Any]) -> None:
    """Raise :class:`StudyError` where the variants cannot be compared with ``ablations.reference``."""
    reference, names = study["ablations"]["reference"], variant_names(study)
    if reference is None:
        return
    if len(names) < FEWEST:
        raise StudyError(
            f"ablations.reference: {reference!r}, and the study has {len(names)} variant",
            f"at least {FEWEST} variants, the reference and one that differs from it",
            "add variants, or set ablations.reference to null",
        )
    if reference not in names:
        raise StudyError(
            f"ablations.reference: {reference!r} is not among variants", fix=nearest(reference, names)
        )
