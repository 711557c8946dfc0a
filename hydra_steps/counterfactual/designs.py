"""Designs of re-training: which groups of training samples are left out, as positions in the split.

    random_groups   ``groups`` random groups of round(fraction · n) samples
    leave_one_out   ``groups`` single samples, chosen by a method's contribution c to a query, or at random
    top_groups      ``groups`` blocks of round(fraction · n) samples from one end of a method's ranking

Group g depends on (seed, name of the design, fraction, g) and not on how many are asked for: asking for more
extends a design and leaves its groups as they were. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb
from typing import Any

import numpy as np

from hydra_steps.data.seeding import generator_of
from hydra_steps.errors import StudyError, nearest

MAIN = "groups"
# The keys of each kind, beside ``groups``, and beside ``method`` and ``query`` where a score chooses:
# ``choice`` is largest, smallest (by size), most_helpful, most_harmful or random, ``side`` one of the middle two.
KEYS = {"random_groups": ("fraction",), "leave_one_out": ("choice",), "top_groups": ("fraction", "side")}
# Above this many possible groups two random ones are so rarely equal that nobody looks.
FEW = 2**32

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


def batch_bounds(groups: int, size: int) -> list[tuple[int, int]]:
    """Return (first group, number of groups) of each batch; only the last may be short."""
    return [(first, min(size, groups - first)) for first in range(0, groups, size)]


def key_of(name: str) -> str:
    """Return the configuration's key of a design."""
    return "counterfactual" if name == MAIN else f"counterfactual.designs.{name}"


def needs_scores(spec: Spec) -> bool:
    """Whether a method's score decides the groups, so that ``method`` and ``query`` must be given."""
    return spec["kind"] == "top_groups" or (spec["kind"] == "leave_one_out" and spec["choice"] != "random")


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
    spare = sorted(set(spec) - {"kind", "groups", *wanted})
    if spare:
        raise StudyError(f"{where}.{spare[0]} has no meaning for {kind}", fix=f"remove {where}.{spare[0]}")
    for key, known in (("method", methods), ("query", queries)):
        if key in wanted and spec[key] not in known:
            raise StudyError(
                f"{where}.{key}: {spec[key]!r} is not in this study", fix=nearest(spec[key], list(known))
            )
    count_members(name, spec, samples)


def count_members(name: str, spec: Spec, samples: int) -> int:
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


def draw_groups(
    name: str, spec: Spec, samples: int, seed: int, contribution: np.ndarray | None = None
) -> list[np.ndarray]:
    """Return the groups 0 … ``spec["groups"]`` − 1 of a design, each sorted positions int64 [m].

    ``contribution`` [n] is the row of the method and query that the design names, where :func:`needs_scores`.
    """
    size, count = count_members(name, spec, samples), int(spec["groups"])
    if needs_scores(spec):
        order = rank_samples(name, spec.get("choice", spec.get("side")), samples, contribution)
    elif spec["kind"] == "leave_one_out":
        order = generator_of(seed, name, 1 / samples, 0).permutation(samples)
    else:
        return _random_groups(name, float(spec["fraction"]), samples, size, count, seed)
    return [np.sort(order[g * size : (g + 1) * size]).astype(np.int64) for g in range(count)]


def check_classes(
    name: str, groups: Sequence[np.ndarray], labels: np.ndarray, classes: Sequence[str]
) -> None:
    """Refuse a design one of whose groups holds every training sample of a class; ``labels`` [n] are as
    trained.
    """
    present = np.bincount(labels, minlength=len(classes))
    for number, group in enumerate(groups):
        taken = np.bincount(labels[group], minlength=len(classes))
        emptied = np.flatnonzero((taken == present) & (present > 0))
        if len(emptied):
            label = int(emptied[0])
            raise StudyError(
                f"group {number} of design {name!r} takes all {present[label]} training samples of class "
                f"{classes[label]!r} ({len(group)} of {len(labels)} samples in all)",
                "at least one sample left of every class",
                "lower the design's fraction, or raise data.train",
            )


def _random_groups(
    name: str, fraction: float, samples: int, size: int, count: int, seed: int
) -> list[np.ndarray]:
    few = comb(samples, size) <= FEW
    groups: list[np.ndarray] = []
    seen: set[bytes] = set()
    for number in range(count):
        generator = generator_of(seed, name, fraction, number)
        while True:
            group = np.sort(generator.choice(samples, size, replace=False)).astype(np.int64)
            if not few or group.tobytes() not in seen:
                break
        seen.add(group.tobytes())
        groups.append(group)
    return groups


def rank_samples(name: str, choice: Any, samples: int, contribution: np.ndarray | None) -> np.ndarray:
    """Return all positions [n] in the order in which ``choice`` takes them; equal scores by position."""
    if contribution is None or contribution.shape != (samples,) or not np.isfinite(contribution).all():
        raise StudyError(
            f"design {name!r} ranks {samples} samples by a score that "
            + (
                "is not there" if contribution is None else f"has shape {contribution.shape} or is not finite"
            ),
            "one finite contribution per training sample",
            "choose another method for the design",
        )
    c = contribution.astype(np.float64)
    keys = {"largest": -np.abs(c), "smallest": np.abs(c), "most_helpful": -c, "most_harmful": c}
    return np.argsort(keys[choice], kind="stable")
