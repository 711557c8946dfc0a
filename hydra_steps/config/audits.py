"""The section ``audit``: what it asks for, and whether the study has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from hydra_steps.config.extras import INSTALL
from hydra_steps.config.targets import CLASS, fits
from hydra_steps.config.typed import Plain, Section
from hydra_steps.errors import StudyError, nearest
from hydra_steps.registry import find, names

# Forms of the data that decisions are judged by (:mod:`hydra_steps.audit.forms`).
FORMS = ("as_is", "corrected", "only_removed", "top_removed", "random_removed", "random_relabelled")


@dataclass(frozen=True, kw_only=True)
class Audit(Section):
    """Labels with mistakes that nobody knows of: which method finds them here, which labels to look at, and how many
    are wrong. Wrong labels are planted into copies of the training data; every copy is trained and scored by every
    method, and the training data are judged by what is learnt from them. On the first variant and its first seed. Off
    while `copies` is 0. Costs one training and all scores for each copy.

    Options:
        copies: Copies of the training data with planted wrong labels.
        kinds: What the planted labels are like, as for `noise.kind`; the copies take turns.
        rate: Share of the labels of a copy that are planted wrong.
        query: Name of the query whose contributions rank the samples. The test set should not choose.
        blends: Also try all methods together, the mean of their ranks and a logistic regression on them.
        datalab: Also look for near duplicates, in one split and across splits, and for outliers, with cleanlab's
            Datalab (`pip install '.[rivals]'`).
        decisions: Files of decisions about suspects (`decisions.csv`, of one person each), which are tried out by
            training again. Off while there are none.
        seeds: Fresh trainings on each form of the data that decisions lead to.
    """

    copies: Annotated[int, "0 <= x <= 1000"] = 0
    kinds: Annotated[list[str], {"minItems": 1}] = field(default_factory=lambda: ["symmetric"])
    rate: Annotated[float, "0 < x <= 0.5"] = 0.05
    query: str = "validation_mean"
    blends: bool = True
    datalab: bool = False
    decisions: Annotated[list[str], {"uniqueItems": True}] = field(default_factory=list)
    seeds: Annotated[int, "2 <= x <= 1000"] = 5


def check_audit(study: Plain, samples: int, queries: Sequence[str], classes: int) -> None:
    """Raise :class:`StudyError` for what the section names and the study does not have; ``samples``: for training;
    ``classes``: how many, 0 where other things than a class are asked of a sample."""
    audit = study["audit"]
    if not audit["copies"]:
        return
    for path in audit["decisions"]:
        if not Path(path).is_file():
            raise StudyError(
                f"audit.decisions: there is no file {path}",
                "decisions.csv, as the explorer exports it",
                "name a file that is there",
            )
    missing = [library for library in ("cleanlab", "datasets") if find_spec(library) is None]
    if audit["datalab"] and missing:
        raise StudyError(
            f"audit.datalab needs {' and '.join(missing)}, not installed here",
            fix=f"{INSTALL} in the folder of this workflow, or set audit.datalab to false",
        )
    if audit["copies"] < 2:
        raise StudyError(
            "audit.copies: 1 copy is learnt from, and none is left to check it on", "2 or more", "raise it"
        )
    for kind in audit["kinds"]:
        if kind not in names("noise"):
            raise StudyError(f"audit.kinds: {kind!r} is unknown", "", nearest(kind, names("noise")))
        if not _plants(kind):
            fitting = [name for name in names("noise") if _plants(name)]
            raise StudyError(
                f"audit.kinds: {kind!r} takes no rate, or changes no classes",
                f"kinds that do: {', '.join(fitting)}",
                "name another",
            )
    if classes < 2:
        raise StudyError(
            "audit: the samples have no class each, and only labels of classes are audited",
            "data whose samples have one class each, of two classes or more",
            "set audit.copies to 0",
        )
    if audit["query"] not in queries:
        raise StudyError(
            f"audit.query: {audit['query']!r} is not among the study's queries",
            "a mean over the validation split, which chooses the method",
            f"{nearest(audit['query'], list(queries))}, or add {{kind: mean_loss, split: validation}} to queries",
        )
    if audit["copies"] * round(audit["rate"] * samples) < 10:
        raise StudyError(
            f"audit: {audit['copies']} copies with {round(audit['rate'] * samples)} planted labels each",
            "10 planted labels or more in all",
            "raise audit.rate or audit.copies",
        )


def _plants(kind: str) -> bool:
    """Whether a kind of noise changes a share of the classes."""
    entry = find("noise", kind)
    return "rate" in entry.options and fits(entry, CLASS)
