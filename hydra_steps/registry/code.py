"""One digest of the code that decides the numbers of a step: its modules, and all that they import, transitively.

A workflow engine sees a rule's script, not what the script imports. Each rule therefore has this digest among its
params, so that an edit in one of those files runs the steps again that depend on it, and no others. Imports are read
from the source without running it. ``from package import name`` leads to the module that defines ``name`` where the
package's ``__init__`` only passes it on, so a step does not depend on its neighbours in the package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from hydra_steps.errors import StudyError
from hydra_steps.registry.catalogue import find
from hydra_steps.registry.imports import content_digest, imports_of

PACKAGE = "hydra_steps"
ROOT = Path(__file__).parents[2]
# They choose words and values, never a number: values reach a job through its parameters.
APART = tuple(
    f"hydra_steps.{name}" for name in ("errors", "progress", "locks", "config", "registry", "plugins")
)


def code_digest(
    *modules: str,
    entries: Iterable[tuple[str, str]] = (),
    files: Iterable[str] = (),
    root: Path | None = None,
) -> str:
    """Return the first 16 digits of the SHA-256 of all files that decide what a step computes.

    ``modules``: dotted names. ``entries``: (kind, name) of what the study chooses, each by the file that declares it.
    ``files``: further files of the package (templates), relative to ``root``, the folder that holds the package.
    """
    root = root or ROOT
    found = {name: _content(root / name) for name in (*code_files(*modules, root=root), *files)}
    for kind, name in entries:
        entry = find(kind, name)
        if entry.plugin:
            found |= {f"plugin/{file.name}": _content(file) for file in _beside(entry.file)}
        else:
            found |= {name: _content(root / name) for name in code_files(entry.module, root=root)}
    total = hashlib.sha256()
    for name in sorted(found):
        total.update(f"{name}:{found[name]}\n".encode())
    return total.hexdigest()[:16]


def code_files(*modules: str, root: Path | None = None) -> list[str]:
    """Return the files of ``modules`` (dotted names) and of all they import from this package, sorted.

    Paths are relative to ``root``, the folder that holds the package (this checkout where it is None).
    """
    root = root or ROOT
    found: set[str] = set()
    for module in modules:
        found |= _closure(module, root)
    return sorted(str(_file(module, root).relative_to(root)) for module in found)


@cache
def _closure(module: str, root: Path) -> frozenset[str]:
    _file(module, root)
    found: set[str] = set()
    waiting = [module]
    while waiting:
        module = waiting.pop()
        if module in found or any(module == a or module.startswith(a + ".") for a in APART):
            continue
        found.add(module)
        waiting += imported(module, root)
    return frozenset(found)


@cache
def imported(module: str, root: Path) -> tuple[str, ...]:
    """Return the modules of this package that ``module`` imports anywhere, type checks left out."""
    found = imports_of(_file(module, root))
    names = {name for name in found.modules if _ours(name)}
    names |= {_origin(package, name, root) for package, name, _ in found.names if _ours(package)}
    return tuple(sorted(names - {module}))


@cache
def _beside(file: Path) -> tuple[Path, ...]:
    """Return a plug-in's file and the files beside it that it imports, transitively."""
    found: dict[Path, None] = {}
    waiting = [file]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        found[one] = None
        imports = imports_of(one)
        packages = [part for package, name, _ in imports.names for part in (package, f"{package}.{name}")]
        for name in (*imports.modules, *packages):
            path = file.parent.joinpath(*name.split("."))
            waiting += [p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()]
    return tuple(found)


def _origin(package: str, name: str, root: Path) -> str:
    """Return the module that ``from package import name`` really takes ``name`` from."""
    if _find(f"{package}.{name}", root):
        return f"{package}.{name}"
    if _file(package, root).name == "__init__.py":
        for source, its_name, alias in imports_of(_file(package, root)).passed_on:
            if alias == name and _ours(source):
                return _origin(source, its_name, root)
    return package


def _ours(name: str) -> bool:
    return name == PACKAGE or name.startswith(PACKAGE + ".")


@cache
def _find(module: str, root: Path) -> Path | None:
    path = root.joinpath(*module.split("."))
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)


def _file(module: str, root: Path) -> Path:
    path = _find(module, root)
    if path is None:
        raise StudyError(
            f"the module {module} is not in {root}", "a module of this package", "check the rule's list"
        )
    return path


@cache
def _content(file: Path) -> str:
    return content_digest(file)
