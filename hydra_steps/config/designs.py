"""Designs of re-training as a study describes them: their keys, sizes and batches; which groups they draw is in
:mod:`hydra_steps.counterfactual.designs`.

    random_groups   ``groups`` random groups of round(fraction · n) samples
    leave_one_out   ``groups`` single samples, selected by a method's contribution c to a query, or at random
    top_groups      ``groups`` blocks of round(fraction · n) samples from one end of a method's ranking
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from math import comb
from typing import Any

from hydra_steps.errors import StudyError, nearest

MAIN = "groups"
# The keys of each kind, beside ``groups``, and beside ``method`` and ``query`` where a score chooses:
# ``choice`` is largest, smallest (by size), most_helpful, most_harmful or random, ``side`` one of the middle two.
KEYS = {"random_groups": ("fraction",), "leave_one_out": ("choice",), "top_groups": ("fraction", "side")}

Spec = Mapping[str, Any]


def design_specs(counterfactual: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the designs of a study's section ``counterfactual`` by name.

    ``groups`` and ``fraction`` of the section are the design ``groups``; ``designs`` holds the others.
    """
    main = {
        "kind": "random_groups",
        "fraction": counterfactual["fraction"],
        "groups": counterfactual["groups"],
    }
    return {MAIN: main} | {name: dict(spec) for name, spec in (counterfactual.get("designs") or {}).items()}


@cache  # each of thousands of jobs asks for its own
def batch_bounds(groups: int, size: int) -> tuple[tuple[int, int], ...]:
    """Return (first group, number of groups) of each batch; only the last may be short.

    >>> batch_bounds(10, 4)
    ((0, 4), (4, 4), (8, 2))
    """
    return tuple((first, min(size, groups - first)) for first in range(0, groups, size))


def draws(counterfactual: Mapping[str, Any], spec: Spec) -> int:
    """Return how many trainings the truth of a design is drawn from, each group left out of every one."""
    return int(spec.get("seeds") or 1 + counterfactual["repeats"])


def key_of(name: str) -> str:
    """Return the configuration's key of a design."""
    return "counterfactual" if name == MAIN else f"counterfactual.designs.{name}"


def needs_scores(spec: Spec) -> bool:
    """Whether a method's score decides the groups, so that ``method`` and ``query`` must be given."""
    kind = spec["kind"]
    return bool(kind == "top_groups" or (kind == "leave_one_out" and spec["choice"] != "random"))


def check_design(name: str, spec: Spec, samples: int, methods: Sequence[str], queries: Sequence[str]) -> None:
    """Refuse, with the numbers, a design that the study cannot carry out."""
    kind = spec["kind"]
    where = key_of(name)
    wanted = list(KEYS[kind])
    missing = [key for key in wanted if key not in spec]
    if not missing and needs_scores(spec):
        wanted += ["method", "query"]
        missing = [key for key in wanted if key not in spec]
    if missing:
        raise StudyError(f"{where} lacks {', '.join(missing)}", f"{', '.join(wanted)} for {kind}", "add it")
    spare = sorted(set(spec) - {"kind", "groups", "seeds", "window", "by", *wanted})
    if spare:
        raise StudyError(f"{where}.{spare[0]} has no meaning for {kind}", fix=f"remove {where}.{spare[0]}")
    if spec.get("by") == "subset" and spec.get("window") is not None:
        raise StudyError(
            f"{where}.by: a training on the subset has no step in common with the run",
            "no window beside it",
            f"remove {where}.window, or {where}.by",
        )
    for key, known in (("method", methods), ("query", queries)):
        if key in wanted and spec[key] not in known:
            raise StudyError(
                f"{where}.{key}: {spec[key]!r} is not in this study", fix=nearest(spec[key], list(known))
            )
    group_size(name, spec, samples)


def group_size(name: str, spec: Spec, samples: int) -> int:
    """Return how many samples a group has; refuse an empty or complete group, and more groups than exist."""
    where = key_of(name)
    size = 1 if spec["kind"] == "leave_one_out" else round(spec["fraction"] * samples)
    if not 0 < size < samples:
        raise StudyError(
            f"{where}.fraction: {spec.get('fraction')} of {samples} training samples is a group of {size}",
            f"a group of 1 to {samples - 1}",
            f"change {where}.fraction or data.train",
        )
    exist = comb(samples, size) if spec["kind"] == "random_groups" else samples // size
    if spec["groups"] > exist:
        raise StudyError(
            f"{where}.groups: {spec['groups']} groups of {size} of {samples} training samples",
            f"at most {exist}, as many as there are",
            f"lower {where}.groups",
        )
    return size
