"""A study's methods by their labels: each label names a method, itself or by the option ``method``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def label_of(methods: Mapping[str, Mapping[str, Any]], name: str) -> str | None:
    """Return the label under which a study has the method ``name``: that name itself, else the first of several;
    None where no label names it.

    >>> label_of({"exact": {"method": "hydra_exact"}, "random": {}}, "hydra_exact")
    'exact'
    """
    labels = [label for label, options in methods.items() if (options.get("method") or label) == name]
    return name if name in labels else next(iter(labels), None)
