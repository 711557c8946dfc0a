"""What a Python file imports, read from its text without running it, and kept in the user's cache.

A plan asks this of some two hundred files, which takes longer to parse than all else that a plan does. What a text
imports follows from the text, so the cache's keys are digests of texts: an edited file is another key, and a cache that
is lost, damaged or in a folder that cannot be written costs time alone. Another version of this module keeps another.
"""

from __future__ import annotations

import ast
import atexit
import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from hydra_steps.json_files import read_json_if_whole, write_whole
from hydra_steps.user_cache import user_cache

LIMIT = 5000  # texts in the cache; beyond it those of this process alone are kept


class Imports(NamedTuple):
    """The imports of one file, those that only type checks see left out."""

    modules: list[str]  # import module
    names: list[list[str]]  # from module import name: [module, name, alias]
    passed_on: list[list[str]]  # of these, those of the module's own level


def imports_of(file: Path) -> Imports:
    """Return what a file imports anywhere, relative imports left out; ``SyntaxError`` where it is no Python."""
    return _of_text(file.read_bytes())


def content_digest(file: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


@cache
def _of_text(text: bytes) -> Imports:
    key = hashlib.sha256(text).hexdigest()
    kept = _kept().get(key)
    if kept is None:
        kept = _NEW[key] = _read(ast.parse(text))
        if len(_NEW) == 1:
            atexit.register(_keep)
    _USED[key] = kept
    return kept


def _read(tree: ast.Module) -> Imports:
    modules = [
        alias.name for node in _statements(tree) if isinstance(node, ast.Import) for alias in node.names
    ]
    return Imports(modules, list(_named(_statements(tree))), list(_named(tree.body)))


def _named(nodes: Iterator[ast.AST] | list[ast.stmt]) -> Iterator[list[str]]:
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                yield [node.module or "", alias.name, alias.asname or alias.name]


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements below a node; no import stands in an expression, and most nodes do."""
    for block in ("body", "handlers", "orelse", "finalbody", "cases"):
        for child in getattr(node, block, ()):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            yield child
            yield from _statements(child)


_NEW: dict[str, Imports] = {}
_USED: dict[str, Imports] = {}


def _place() -> Path:
    return user_cache("imports", f"{content_digest(Path(__file__))[:16]}.json")


@cache
def _kept() -> dict[str, Imports]:
    """Return what the cache holds; nothing where it holds anything else than this module writes."""
    try:
        return {key: Imports(*lists) for key, lists in (read_json_if_whole(_place()) or {}).items()}
    except TypeError:
        return {}


def _keep() -> None:
    """Add what is new to what others have kept by now."""
    _kept.cache_clear()
    known = _kept()
    with suppress(OSError):
        write_whole(_place(), json.dumps({**(known if len(known) < LIMIT else _USED), **_NEW}))
