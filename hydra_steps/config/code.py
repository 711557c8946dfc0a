"""Which files of this package decide the numbers of a step: its module and all that it imports, transitively.

A workflow engine sees a rule's script, not what the script imports. Each rule therefore lists these files
among its inputs, so that an edit in one of them runs the steps again that depend on it, and no others.
Imports are read from the source without running it. ``from package import name`` leads to the module that
defines ``name`` where the package's ``__init__`` only passes it on, so a step does not depend on its
neighbours in the package.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from hydra_steps.errors import StudyError

PACKAGE = "hydra_steps"
# They choose words and values, never a number: values reach a job through its parameters.
APART = ("hydra_steps.errors", "hydra_steps.config")


def code_files(*modules: str, root: Path | None = None) -> list[str]:
    """Return the files of ``modules`` (dotted names) and of all they import from this package, sorted.

    Paths are relative to ``root``, the folder that holds the package (this checkout where it is None).
    """
    return list(_code_files(modules, root or Path(__file__).parents[2]))


@cache  # thousands of jobs ask for the same few modules
def _code_files(modules: tuple[str, ...], root: Path) -> tuple[str, ...]:
    found: set[str] = set()
    waiting = [_existing(module, root) for module in modules]
    while waiting:
        module = waiting.pop()
        if module in found or any(module == a or module.startswith(a + ".") for a in APART):
            continue
        found.add(module)
        waiting += imported(module, root)
    return tuple(sorted(str(_file(module, root).relative_to(root)) for module in found))


@cache
def registered(package: str, name: str, root: Path | None = None) -> str:
    """Return the module of ``package`` with a call ``f("name", …)`` or ``f(name="name")``.

    For registries whose modules are imported when they are asked: what is chosen by name there is no import.
    """
    root = root or Path(__file__).parents[2]
    folder = root.joinpath(*package.split("."))
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                first = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "name")]
                if any(isinstance(value, ast.Constant) and value.value == name for value in first):
                    return f"{package}.{path.stem}"
    raise StudyError(f"no module of {package} registers {name!r}", "", "check the name in the schema")


@cache
def imported(module: str, root: Path) -> tuple[str, ...]:
    """Return the modules of this package that ``module`` imports anywhere, type checks left out."""
    names: set[str] = set()
    for node in _statements(ast.parse(_file(module, root).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names if _ours(alias.name)}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and _ours(node.module or ""):
            names |= {_origin(node.module or "", alias.name, root) for alias in node.names}
    return tuple(sorted(names - {module}))


def _origin(package: str, name: str, root: Path) -> str:
    """Return the module that ``from package import name`` really takes ``name`` from."""
    if _find(f"{package}.{name}", root):
        return f"{package}.{name}"
    if _file(package, root).name == "__init__.py":
        for node in ast.parse(_file(package, root).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and node.level == 0 and _ours(node.module or ""):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return _origin(node.module or "", alias.name, root)
    return package


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _statements(child)


def _ours(name: str) -> bool:
    return name == PACKAGE or name.startswith(PACKAGE + ".")


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


def _existing(module: str, root: Path) -> str:
    _file(module, root)
    return module
