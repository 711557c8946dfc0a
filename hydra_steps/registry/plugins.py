"""A study's plug-ins: Python files beside it, installed modules, and packages with the entry point group
``hydra_steps``.

Which are in use is one setting of the process. The workflow sets it in the environment, so that its jobs, on
whatever machine, use the same. Their declarations are read like the package's own; a file is imported in the jobs
that need it.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Sequence
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from hydra_steps.errors import StudyError
from hydra_steps.registry.entry import Entry
from hydra_steps.registry.undeclared import MARK

GROUP = "hydra_steps"
VARIABLE = "HYDRA_STEPS_PLUGINS"
_SHARED: list[list[str]] = []  # of each study that a workflow has named so far


def use_plugins(plugins: Sequence[str], folder: str | Path = ".") -> list[str]:
    """Use these plug-ins in this process and in those that it starts, in place of all before; return them in full.

    A text that ends with ``.py`` is a file, relative to ``folder``; any other the dotted name of an installed module.
    Raises :class:`StudyError` for one that is not there.
    """
    found = [_located(one, Path(folder)) for one in plugins]
    os.environ[VARIABLE] = os.pathsep.join(found)
    return found


def share_plugins(plugins: Sequence[str]) -> None:
    """Say that a study of this process uses these, named in full; :class:`StudyError` where another uses others.

    For a workflow that holds two studies: their jobs run in one environment.
    """
    _SHARED.append(list(plugins))
    if _SHARED[-1] != _SHARED[0]:
        raise StudyError(
            f"one study of the workflow uses the plug-ins {_SHARED[0]}, another one {_SHARED[-1]}",
            "the same in all studies of a workflow",
            "let both studies name the same plug-ins, or run them one after the other",
        )


def active_plugins() -> tuple[tuple[str, Path], ...]:
    """Return (module, file) of the plug-ins in use, those of installed packages first.

    A model without a declaration (:mod:`.undeclared`) stands there as ``module#name``.
    """
    used = tuple(one for one in os.environ.get(VARIABLE, "").split(os.pathsep) if one)
    return (*_installed(), *(_module_and_file(one) for one in used))


def import_plugin(entry: Entry) -> ModuleType:
    """Import the file that declares ``entry``; an error in it is a :class:`StudyError` with its file and line."""
    return _imported(entry.module, entry.file)


@cache
def _imported(module: str, file: Path) -> ModuleType:
    try:
        if not module.startswith("hydra_plugin_"):
            return importlib.import_module(module)
        sys.path.insert(0, str(file.parent))  # what it imports beside it
        specification = importlib.util.spec_from_file_location(module, file)
        assert specification is not None
        assert specification.loader is not None
        loaded = importlib.util.module_from_spec(specification)
        sys.modules[module] = loaded
        specification.loader.exec_module(loaded)
        return loaded
    except StudyError:
        raise
    except Exception as error:
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == file]
        line = f":{own[-1].lineno}" if own else ""
        missing = isinstance(error, ModuleNotFoundError)
        raise StudyError(
            f"the plug-in {file}{line} cannot be imported: {type(error).__name__}: {error}",
            "",
            f"install {error.name}"
            if isinstance(error, ModuleNotFoundError) and missing
            else "mend the file there",
        ) from error


def _located(plugin: str, folder: Path) -> str:
    plugin, mark, target = plugin.partition(MARK)
    if plugin.endswith(".py"):
        file = Path(os.path.abspath(folder / Path(plugin).expanduser()))
        if not file.is_file():
            raise StudyError(
                f"plugins: there is no file {file}",
                "a Python file, relative to the study's",
                "correct the path",
            )
        return f"{file}{mark}{target}"
    _module_and_file(plugin)
    return f"{plugin}{mark}{target}"


@cache
def _module_and_file(plugin: str) -> tuple[str, Path]:
    plugin, mark, target = plugin.partition(MARK)
    if mark:
        module, file = _module_and_file(plugin)
        return f"{module}{MARK}{target}", file
    if plugin.endswith(".py"):
        # A file has no name among modules; its stem makes errors readable.
        return f"hydra_plugin_{Path(plugin).stem}", Path(plugin)
    try:
        specification = importlib.util.find_spec(plugin)
    except (ImportError, ValueError) as error:
        raise StudyError(
            f"plugins: {plugin!r} cannot be found: {error}", "the name of an installed module"
        ) from error
    if specification is None or specification.origin is None:
        raise StudyError(
            f"plugins: {plugin!r} is not installed",
            "a file that ends with .py, or the name of an installed module",
            "install it, or correct the name",
        )
    return plugin, Path(specification.origin)


@cache
def _installed() -> tuple[tuple[str, Path], ...]:
    return tuple(
        _module_and_file(point.module) for point in sorted(entry_points(group=GROUP), key=lambda p: p.name)
    )
