"""Damping sweeps of a study: labels of one method that differ in their damping alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FEWEST = 3  # dampings that make a sweep


def damping_sweeps(methods: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return the sweeps of resolved ``methods``: their name → label → damping, in the order of the dampings.

    A sweep is named after its method, or after its first label where a method has several sweeps (with other
    options).
    """
    groups: dict[tuple[str, str], dict[str, float]] = {}
    for label, options in methods.items():
        if "damping" in options:
            others = {k: v for k, v in options.items() if k not in ("method", "damping")}
            groups.setdefault((str(options["method"]), repr(sorted(others.items()))), {})[label] = options[
                "damping"
            ]
    sweeps: dict[str, dict[str, float]] = {}
    for (method, _), found in groups.items():
        if len(set(found.values())) >= FEWEST:
            name = method if method not in sweeps else next(iter(found))
            sweeps[name] = dict(sorted(found.items(), key=lambda item: item[1]))
    return sweeps
