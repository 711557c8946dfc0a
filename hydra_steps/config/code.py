"""Until the rules take one digest: the files of a rule's modules. See :mod:`hydra_steps.registry.code`."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from hydra_steps.errors import StudyError
from hydra_steps.registry.code import code_files, imported

__all__ = ["code_files", "imported", "registered"]


@cache
def registered(package: str, name: str, root: Path | None = None) -> str:
    """Return the module of ``package`` with a call ``f("name", …)`` or ``f(name="name")``."""
    root = root or Path(__file__).parents[2]
    folder = root.joinpath(*package.split("."))
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                first = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "name")]
                if any(isinstance(value, ast.Constant) and value.value == name for value in first):
                    return f"{package}.{path.stem}"
    raise StudyError(f"no module of {package} registers {name!r}", "", "check the name in the schema")
