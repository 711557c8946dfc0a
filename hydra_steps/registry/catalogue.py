"""All entries of a kind by name: the package's own, and those of the plug-ins in use."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from hydra_steps.errors import StudyError, nearest
from hydra_steps.registry.decorators import KINDS, REGISTERED
from hydra_steps.registry.entry import Entry
from hydra_steps.registry.plugins import active_plugins, import_plugin
from hydra_steps.registry.reading import read_entries
from hydra_steps.registry.undeclared import MARK, read_undeclared

PACKAGE = Path(__file__).parents[1]
# Where the entries of each kind stand.
ROOMS = {
    "dataset": ("data/datasets",),
    "noise": ("data/noises",),
    "model": ("models",),
    "task": ("tasks",),
    "optimizer": ("process/optimizers",),
    "schedule": ("process/schedules",),
    "method": ("scoring",),
    "query": ("process/queries",),
    "table": ("evaluation", "benchmark", "audit"),
    "figure": ("figures", "benchmark", "audit"),
    "sentence": ("report",),
}


def entries(kind: str) -> dict[str, Entry]:
    """Return the entries of ``kind`` by name: by their ``order`` where they have one, then by name; plug-ins last."""
    return _of(kind, active_plugins())


def names(kind: str) -> list[str]:
    """Return the names of all entries of ``kind``."""
    return list(entries(kind))


def find(kind: str, name: str, key: str = "") -> Entry:
    """Return the entry called ``name``; :class:`StudyError` that names the configuration's ``key`` for an unknown
    one.

    >>> find("task", "cross_entropy").title
    'cross-entropy'
    """
    known = entries(kind)
    if name not in known:
        raise StudyError(f"{key or kind}: {name!r} is unknown", "", nearest(str(name), list(known)))
    return known[name]


def load(kind: str, name: str) -> Any:
    """Return the function or class that was declared, importing its module, and no other."""
    return loaded(kind, name)[0]


def loaded(kind: str, name: str) -> tuple[Any, dict[str, Any]]:
    """Return what was declared, with its runtime arguments (a dataset's files and sources)."""
    entry = find(kind, name)
    if entry.traits.get("undeclared"):
        return getattr(import_plugin(entry), entry.function), {}
    if entry.plugin:
        import_plugin(entry)
    elif name not in REGISTERED.get(kind, {}):
        importlib.import_module(entry.module)
    return REGISTERED[kind][name]


def module_of(kind: str, name: str) -> str:
    """Return the dotted name of the module that declares an entry.

    >>> module_of("noise", "symmetric")
    'hydra_steps.data.noises.symmetric'
    """
    return find(kind, name).module


@cache
def _of(kind: str, plugins: tuple[tuple[str, Path], ...]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in (*_own(kind), *_of_plugins(plugins)):
        if entry.kind != kind:
            continue
        if entry.name in found:
            raise StudyError(
                f"{entry.where}: the {kind} {entry.name!r} is declared at {found[entry.name].where} already",
                "each name once",
                "rename one of them",
            )
        found[entry.name] = entry
    return dict(
        sorted(found.items(), key=lambda item: (item[1].traits.get("order", 0), item[1].plugin, item[0]))
    )


def _own(kind: str) -> Iterator[Entry]:
    """Yield the package's entries of ``kind``; its packages alone are read, since a job asks for few kinds."""
    assert set(ROOMS) == set(KINDS)
    for room in ROOMS[kind]:
        for file in sorted((PACKAGE / room).rglob("*.py")):
            # Most files declare nothing, and a text is searched faster than it is parsed.
            if f"@{kind}(" in file.read_text(encoding="utf-8"):
                parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
                yield from read_entries(file, ".".join(parts))


@cache
def _of_plugins(plugins: tuple[tuple[str, Path], ...]) -> tuple[Entry, ...]:
    found: list[Entry] = []
    for place, file in plugins:
        module, mark, name = place.partition(MARK)
        found += [read_undeclared(file, module, name)] if mark else read_entries(file, module, plugin=True)
    return tuple(found)
