"""Does what a study chooses by name fit what its data ask of a sample? Looked at before any job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra_steps.config.datasets import dataset
from hydra_steps.config.run import Run
from hydra_steps.config.runs import PlainStudy, run_config, variant_names
from hydra_steps.config.sources import source_settings
from hydra_steps.config.targets import CLASS, WORDS, fits, made_for, metric_of, targets_of
from hydra_steps.errors import StudyError
from hydra_steps.registry import entries, find


def check_targets(study: Mapping[str, Any], asks: str, n: int) -> None:
    """Raise :class:`StudyError` for the first thing in a resolved study that does not fit its data, which ask for
    ``n`` classes, labels, numbers or tokens: its loss, its noise, a query, a method, or what needs classes."""
    loss = study["training"]["loss"]
    _check("task", loss["name"], asks, "training.loss.name")
    weights = loss.get("class_weights")
    if weights and len(weights) != n:
        raise StudyError(
            f"training.loss.class_weights: {len(weights)} weights",
            f"{n}, one of each class",
            "give as many, or none",
        )
    _check("noise", study["noise"]["kind"], asks, "noise.kind")
    for place, spec in enumerate(study["queries"]):
        _check("query", spec["kind"], asks, f"queries[{place}].kind")
        if spec.get("position", 0) >= n:
            raise StudyError(
                f"queries[{place}].position: {spec['position']} is out of bounds",
                f"0 to {n - 1}",
                f"change queries[{place}].position",
            )
    for label, options in study["methods"].items():
        _check("method", options["method"], asks, f"methods.{label}")
    if asks == CLASS:
        return
    if study["brittleness"]["queries"]:
        raise StudyError(
            f"brittleness.queries: no prediction of a sample's {WORDS[asks]} can flip",
            "data whose samples have a class",
            "remove brittleness.queries",
        )
    if study["audit"]["copies"]:
        raise StudyError(
            f"audit.copies: wrong labels are planted among classes, and the data have {WORDS[asks]}",
            "data whose samples have a class",
            "remove audit.copies",
        )
    augment = study["training"]["augment"]
    if augment["crop"] or augment["flip"]:
        raise StudyError(
            "training.augment: crop and flip are for images of a class",
            "crop 0 and flip false",
            "remove them",
        )


def check_same_targets(study: PlainStudy) -> None:
    """Raise :class:`StudyError` where variants ask for different things, or are measured by different metrics."""
    found = {name: _targets_of(study, name) for name in variant_names(study)}
    first, *others = found
    for other in others:
        if found[other] != found[first]:
            told = [f"{WORDS[asks]} measured by {metric}" for asks, metric in (found[first], found[other])]
            raise StudyError(
                f"variants.{other}: a sample's {told[1]}, and {first} has {told[0]}",
                "the same of all variants, as tables and figures compare them",
                "make two studies of them",
            )


def study_targets(study: PlainStudy) -> str:
    """Return what a resolved study asks of a sample."""
    return _targets_of(study, variant_names(study)[0])[0]


def study_classes(study: PlainStudy) -> list[str]:
    """Return the names of the classes of a resolved study's first variant; none where no class is asked for."""
    data = run_config(study, Run(variant_names(study)[0], study["seeds"][0]).name)["data"]
    return list(dataset(**source_settings(data)).classes)


def _targets_of(study: PlainStudy, variant: str) -> tuple[str, str]:
    loss = run_config(study, Run(variant, study["seeds"][0]).name)["training"]["loss"]["name"]
    return targets_of(loss), metric_of(loss).name


def _check(kind: str, name: str, asks: str, key: str) -> None:
    entry = find(kind, name, key)
    if fits(entry, asks):
        return
    whom = " or ".join(WORDS[one] for one in made_for(entry))
    raise StudyError(
        f"{key}: {name} is made for a sample's {whom}, and the data have {WORDS[asks]}",
        f"one of {', '.join(other for other, one in entries(kind).items() if fits(one, asks))}",
        f"change {key}, or leave it out",
    )
