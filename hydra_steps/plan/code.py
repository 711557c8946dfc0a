"""Which code decides a step: its modules, and what the study chooses for it by name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from hydra_steps.config.choices import TRAINING, chosen_entries
from hydra_steps.config.runs import PlainStudy, run_settings
from hydra_steps.registry import names
from hydra_steps.registry.code import code_digest

# What a run's training is made of.
TRAINED = ("dataset", *TRAINING)


def step_code(study: PlainStudy, module: str, *kinds: str, run: str, label: str = "") -> str:
    """Return the digest of the code of ``module`` (without ``hydra_steps.``) and of what a run chooses by name.

    ``kinds``: the kinds of entries that the step uses; ``method`` is that of ``label``.
    """
    return _digest((module,), frozenset(chosen(study, kinds, run, label)))


def chosen(study: PlainStudy, kinds: Iterable[str], run: str, label: str = "") -> list[tuple[str, str]]:
    """Return (kind, name) of what a run chooses by name, of some kinds."""
    of_study = {"query": [query["kind"] for query in study["queries"]]}
    of_study["method"] = [study["methods"][label]["method"]] if label else []
    own = [(kind, name) for kind in kinds for name in of_study.get(kind, [])]
    return own + chosen_entries(run_settings(study, run), *(kind for kind in kinds if kind not in of_study))


def entry_code(kind: str, name: str, *modules: str, used: Iterable[tuple[str, str]] = ()) -> str:
    """Return the digest of the code of a declared table or figure, of ``modules`` and of the entries that it uses."""
    return _digest(modules, frozenset({(kind, name), *used}))


def page_code(module: str, folder: str, *files: str) -> str:
    """Return the digest of the code of a page and of its templates, ``files`` in a ``folder`` of the package."""
    sentences = [("sentence", name) for name in names("sentence")]
    templates = [f"hydra_steps/{folder}/{file}" for file in files]
    return code_digest(f"hydra_steps.{module}", entries=sentences, files=templates)


@cache
def _digest(modules: tuple[str, ...], pairs: frozenset[tuple[str, str]]) -> str:
    return code_digest(*(f"hydra_steps.{module}" for module in modules), entries=pairs)
