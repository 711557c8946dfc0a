"""Which code decides a step: its modules, and what the study chooses for it by name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from hydra_steps.config.choices import chosen_entries
from hydra_steps.config.runs import Study, run_config
from hydra_steps.registry.code import code_digest


def step_code(study: Study, module: str, *kinds: str, run: str, label: str = "") -> str:
    """Return the digest of the code of ``module`` (without ``hydra_steps.``) and of what a run chooses by name.

    ``kinds``: the kinds of entries that the step uses; ``method`` is that of ``label``.
    """
    return _digest((module,), frozenset(chosen(study, kinds, run, label)))


def chosen(study: Study, kinds: Iterable[str], run: str, label: str = "") -> list[tuple[str, str]]:
    """Return (kind, name) of what a run chooses by name, of some kinds."""
    own = [("method", study["methods"][label]["method"])] if "method" in kinds else []
    return own + chosen_entries(run_config(study, run), *(kind for kind in kinds if kind != "method"))


@cache
def _digest(modules: tuple[str, ...], pairs: frozenset[tuple[str, str]]) -> str:
    return code_digest(*(f"hydra_steps.{module}" for module in modules), entries=pairs)


def entry_code(kind: str, name: str, used: Iterable[tuple[str, str]] = ()) -> str:
    """Return the digest of the code of a declared table or figure, and of further entries that it ``used``."""
    return _digest((), frozenset({(kind, name), *used}))
