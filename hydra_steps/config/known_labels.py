"""Whether it is known which training labels of a study are wrong, and what a study cannot ask for where it is not."""

from __future__ import annotations

from typing import Any

from hydra_steps.config.controls import ORACLE
from hydra_steps.config.run import Run
from hydra_steps.config.runs import PlainStudy, run_config, variant_names
from hydra_steps.errors import StudyError
from hydra_steps.registry import find


def labels_known(study: PlainStudy) -> bool:
    """Say whether the clean labels are known: those of all runs of a resolved study, as no study mixes the two."""
    return all(_known_by_variant(study).values())


def check_known_labels(study: PlainStudy) -> None:
    """Raise :class:`StudyError` where only some variants' clean labels are known, or a control needs those that
    are not."""
    known = _known_by_variant(study)
    if all(known.values()):
        return
    if any(known.values()):
        with_truth = ", ".join(variant for variant, one in known.items() if one)
        without = ", ".join(variant for variant, one in known.items() if not one)
        raise StudyError(
            f"noise.kind: which labels are wrong is known of {with_truth} and not of {without}",
            "the same of all variants: tables that need the clean labels are made for all or for none",
            "make two studies of them",
        )
    removal: dict[str, Any] = study["removal"]
    if removal["fractions"] and ORACLE in removal["controls"]:
        raise StudyError(
            f"removal.controls: {ORACLE} needs the wrong labels, and which are wrong is not known",
            "controls that need no clean labels",
            f"remove {ORACLE} from removal.controls, or choose another noise.kind",
        )


def _known_by_variant(study: PlainStudy) -> dict[str, bool]:
    kinds = {
        variant: str(run_config(study, Run(variant, study["seeds"][0]).name)["noise"]["kind"])
        for variant in variant_names(study)
    }
    return {
        variant: bool(find("noise", kind, "noise.kind").traits["known"]) for variant, kind in kinds.items()
    }
