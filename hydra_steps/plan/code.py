"""Which code decides a step: its modules, and what the study chooses for it by name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from hydra_steps.config.code import registered
from hydra_steps.config.runs import Study, run_config
from hydra_steps.registry import names
from hydra_steps.registry.code import code_digest

# Kinds of entries that a run chooses by name → the packages of those that no decorator declares yet.
_PACKAGES = {"dataset": "data.datasets", "model": "models", "method": "scoring"}


def step_code(study: Study, module: str, *kinds: str, run: str, label: str = "") -> str:
    """Return the digest of the code of ``module`` (without ``hydra_steps.``) and of what a run chooses by name.

    ``kinds``: the kinds of entries that the step uses; ``method`` is that of ``label``.
    """
    return _digest((module,), frozenset(chosen(study, kinds, run, label)))


def chosen(study: Study, kinds: Iterable[str], run: str, label: str = "") -> list[tuple[str, str]]:
    """Return (kind, name) of what a run chooses by name, of some kinds."""
    config: dict[str, Any] = run_config(study, run)
    found = {
        "dataset": config["data"]["name"],
        "noise": config["noise"]["kind"],
        "model": config["model"]["name"],
        "method": study["methods"][label]["method"] if label else "",
    }
    return [(kind, found[kind]) for kind in kinds]


@cache
def _digest(modules: tuple[str, ...], pairs: frozenset[tuple[str, str]]) -> str:
    entries = [(kind, name) for kind, name in pairs if name in names(kind)]
    others = [
        registered(f"hydra_steps.{_PACKAGES[kind]}", name)
        for kind, name in pairs
        if kind in _PACKAGES and (kind, name) not in entries
    ]
    return code_digest(*(f"hydra_steps.{module}" for module in modules), *others, entries=entries)


def entry_code(kind: str, name: str, used: Iterable[tuple[str, str]] = ()) -> str:
    """Return the digest of the code of a declared table or figure, and of further entries that it ``used``."""
    return _digest((), frozenset({(kind, name), *used}))
